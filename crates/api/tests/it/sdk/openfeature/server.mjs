// Asks with OpenFeature's SDK for servers, of which only the address is ours. Says what it was told, as JSON.
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";

const [baseUrl, key] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [["Authorization", `Bearer ${key}`]] }));
const client = OpenFeature.getClient();
const first = { targetingKey: "ext:first", team: "ops" };
const told = ({ value, reason, variant, errorCode }) => [value, reason ?? null, variant ?? null, errorCode ?? null];

console.log(JSON.stringify({
  feature: told(await client.getBooleanDetails("inventory", false, first)),
  plan: (await client.getBooleanDetails("inventory", false, first)).flagMetadata.plan,
  withheld: told(await client.getBooleanDetails("work_orders", true, first)),
  limit: told(await client.getNumberDetails("plants", 0, first)),
  boolean: told(await client.getBooleanDetails("beta", false, first)),
  text: told(await client.getStringDetails("banner", "none", first)),
  json: told(await client.getObjectDetails("layout", {}, first)),
  off: told(await client.getBooleanDetails("stopped", true, first)),
  somebody: told(await client.getBooleanDetails("beta", true, { targetingKey: "somebody" })),
  nobody: told(await client.getBooleanDetails("dealt", false, {})),
  missing: told(await client.getBooleanDetails("nothing", true, first)),
  kind: told(await client.getStringDetails("beta", "text", first)),
}));
