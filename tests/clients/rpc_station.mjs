// A charging station of npm's ocpp-rpc in strict mode: every answer and every call of ours is checked by its schemas.
// Usage: node rpc_station.mjs URL IDENTITY PASSWORD
// Says `ready` when it may be started from afar; exits 0 only when all went well.
import { RPCClient } from "ocpp-rpc";

const [url, identity, password] = process.argv.slice(2);
const complaints = [];
const check = (holds, what) => holds || complaints.push(what);
const now = () => new Date().toISOString();
const station = new RPCClient({
  endpoint: url, identity, password, protocols: ["ocpp1.6"], strictMode: true, reconnect: false, callTimeoutMs: 10_000,
});
station.on("badMessage", (event) => complaints.push(`bad message: ${event.error?.message}`));
station.on("strictValidationFailure", (event) => complaints.push(`against its schema: ${event.error?.message}`));

const remoteStart = new Promise((resolve) =>
  station.handle("RemoteStartTransaction", ({ params }) => (resolve(params), { status: "Accepted" })));
const remoteStop = new Promise((resolve) =>
  station.handle("RemoteStopTransaction", ({ params }) => (resolve(params), { status: "Accepted" })));
station.handle("GetConfiguration", () => ({ configurationKey: [{ key: "A", readonly: true, value: "1" }] }));
station.handle("TriggerMessage", () => ({ status: "NotImplemented" }));

async function refused(code, action, params) {
  try {
    await station.call(action, params, { strictMode: false });
    complaints.push(`${action} was not refused`);
  } catch (error) {
    check(error.rpcErrorCode === code, `${action}: ${error.rpcErrorCode} instead of ${code}`);
  }
}

async function charge(idTag, meterStart, whileCharging) {
  const status = (word) =>
    station.call("StatusNotification", { connectorId: 1, errorCode: "NoError", status: word, timestamp: now() });
  await status("Preparing");
  const start = await station.call("StartTransaction", { connectorId: 1, idTag, meterStart, timestamp: now() });
  check(start.idTagInfo.status === "Accepted", `start: ${start.idTagInfo.status}`);
  await status("Charging");
  for (const step of [100, 200, 300]) {
    await station.call("MeterValues", {
      connectorId: 1,
      transactionId: start.transactionId,
      meterValue: [{
        timestamp: now(),
        sampledValue: [
          { value: String(meterStart + step), measurand: "Energy.Active.Import.Register", unit: "Wh" },
          { value: "11.04", measurand: "Power.Active.Import", unit: "kW", context: "Sample.Periodic" },
        ],
      }],
    });
  }
  const reason = await whileCharging(start.transactionId);
  await station.call("StopTransaction", {
    transactionId: start.transactionId, meterStop: meterStart + 400, timestamp: now(), idTag, reason,
  });
  await status("Available");
  return start.transactionId;
}

const giveUp = setTimeout(() => { console.error("not done in time", complaints); process.exit(3); }, 60_000);
try {
  await station.connect();
  const boot = await station.call("BootNotification", {
    chargePointVendor: "ocpp-rpc", chargePointModel: "strict", firmwareVersion: "2.2.1",
  });
  check(boot.status === "Accepted", `boot: ${boot.status}`);
  check(Math.abs(new Date(boot.currentTime) - Date.now()) < 2000, "our clock");
  await station.call("Heartbeat", {});
  await station.call("StatusNotification", { connectorId: 0, errorCode: "NoError", status: "Available" });
  check((await station.call("Authorize", { idTag: "GOODTAG" })).idTagInfo.status === "Accepted", "known tag");
  check((await station.call("Authorize", { idTag: "NOBODY" })).idTagInfo.status === "Invalid", "unknown tag");
  check((await station.call("DataTransfer", { vendorId: "x" })).status === "UnknownVendorId", "data transfer");
  await station.call("FirmwareStatusNotification", { status: "Idle" });
  await station.call("DiagnosticsStatusNotification", { status: "Idle" });
  await charge("GOODTAG", 1000, async () => "EVDisconnected");
  console.log("ready");
  const { idTag } = await remoteStart;
  await charge(idTag, 2000, async (transactionId) => {
    console.log(`charging ${transactionId}`);
    const asked = await remoteStop;
    check(asked.transactionId === transactionId, `asked to stop ${asked.transactionId} instead of ${transactionId}`);
    return "Remote";
  });
  station.reconfigure({ strictMode: false });
  await refused("NotImplemented", "Nonsense", {});
  await refused("NotSupported", "ReserveNow", {});
  await refused("OccurenceConstraintViolation", "Authorize", {});
  await refused("TypeConstraintViolation", "Authorize", { idTag: [5] });
  await station.call("Heartbeat", { a: 1 });
  await station.close();
} catch (error) {
  complaints.push(`${error.stack ?? error}`);
}
clearTimeout(giveUp);
complaints.forEach((each) => console.error(each));
process.exit(complaints.length ? 1 : 0);
