// One JSON line for each test that node:test ran: its name, and why it failed ("" if it did not).
export default async function* lines(events) {
  for await (const { type, data } of events) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    const error = data.details.error?.cause ?? data.details.error;
    const failure = type === "test:pass" ? "" : String(error?.stack ?? error);
    yield JSON.stringify({ name: data.name, failure }) + "\n";
  }
}
