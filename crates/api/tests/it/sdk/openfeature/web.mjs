// Asks with OpenFeature's SDK for web pages, of which only the address is ours. Says what it was told, as JSON.
import { OpenFeature } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [baseUrl, key, customer] = process.argv.slice(2);
const asked = [];
const fetchImplementation = async (request) => {
  const seen = request.headers.get("if-none-match");
  const response = await fetch(request);
  asked.push([response.status, seen !== null]);
  return response;
};
const provider = new OFREPWebProvider({
  baseUrl, fetchImplementation, pollInterval: 100, cacheMode: "disabled", headers: [["X-API-Key", key]],
});
await OpenFeature.setContext({ targetingKey: customer, team: "ops" });
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();
const told = ({ value, reason, variant, errorCode }) => [value, reason ?? null, variant ?? null, errorCode ?? null];

const said = {
  feature: told(client.getBooleanDetails("inventory", false)),
  boolean: told(client.getBooleanDetails("beta", false)),
  hidden: told(client.getStringDetails("banner", "none")),
};
// The next question has the answer's tag, and hears that nothing changed.
while (asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
said.polled = asked.slice(1, 3);
await OpenFeature.setContext({ targetingKey: "somebody" });
said.somebody = told(client.getBooleanDetails("beta", true));
await OpenFeature.close();
console.log(JSON.stringify(said));
process.exit(0);
