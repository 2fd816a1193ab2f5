// Sends events with the SDKs of others, of which only the address is ours. Says what they said, as JSON.
import { OpenMeter } from "@openmeter/sdk";
import { CloudEvent, HTTP, emitterFor, httpTransport, Mode } from "cloudevents";
import { Client } from "lago-javascript-client";

const [address, key] = process.argv.slice(2);
const said = {};

const meter = new OpenMeter({ baseUrl: address, apiKey: key });
const call = (id, subject) => ({ id, source: "openmeter", type: "calls", subject, time: new Date("2026-01-15T10:00:00Z") });
await meter.events.ingest(call("one", "measured"));
await meter.events.ingest([call("two", "measured"), call("three", "measured"), call("one", "measured")]);
said.openmeter = await meter.events.ingest(call("bad", "nobody")).then(() => "taken", (error) => String(error.status ?? error.statusCode ?? error));

const client = Client(key, { baseUrl: `${address}/api/v1` });
const event = (transaction_id, code) => ({
  transaction_id, code, external_subscription_id: "measured", timestamp: 1768471200, properties: { region: "eu", value: 1.5 },
});
said.lago = (await client.events.createEvent({ event: event("one", "calls") })).data.event.transaction_id;
said.batch = (await client.events.createBatchEvents({ events: [event("two", "calls"), event("three", "traffic")] })).data.events.length;
said.refused = await client.events.createEvent({ event: event("four", "nothing") }).then(() => "taken", (error) => error.status);

const cloud = (id) => new CloudEvent({ id, source: "cloudevents", type: "calls", subject: "measured", time: "2026-01-15T10:00:00Z", data: {} });
const headers = { authorization: `Bearer ${key}` };
for (const [id, message] of [["binary", HTTP.binary], ["structured", HTTP.structured]]) {
  const { headers: own, body } = message(cloud(id));
  said[id] = (await fetch(`${address}/v1/events`, { method: "POST", headers: { ...own, ...headers }, body })).status;
}
const emit = emitterFor((message, options) => httpTransport(`${address}/v1/events`)(
  { ...message, headers: { ...message.headers, ...headers } }, options), { mode: Mode.BINARY });
await emit(cloud("emitted"));

console.log(JSON.stringify(said));
