// A charging station of npm's em-ocpp-chargepoint-simulator.
// Usage: node em_station.mjs URL IDENTITY PASSWORD
// Says `ready` when it may be started from afar; exits 0 only when all went well.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { chargepointFactory } = require("em-ocpp-chargepoint-simulator/build/src/chargepoint.js");
const { log } = require("em-ocpp-chargepoint-simulator/build/src/log.js");
log.configure({ remote: false, stdout: false, stdoutLogger: false });

const [url, identity, password] = process.argv.slice(2);
const complaints = [];
const check = (holds, what) => holds || complaints.push(what);
const now = () => new Date().toISOString();
const giveUp = setTimeout(() => { console.error("not done in time", complaints); process.exit(3); }, 60_000);

async function charge(station, idTag, meterStart, whileCharging) {
  await station.sendStatusNotification({ connectorId: 1, errorCode: "NoError", status: "Preparing" });
  const start = await station.startTransaction({ connectorId: 1, idTag, meterStart, timestamp: now() });
  check(start.transactionId > 0 && start.idTagInfo.status === "Accepted", `start: ${JSON.stringify(start)}`);
  await station.sendStatusNotification({ connectorId: 1, errorCode: "NoError", status: "Charging" });
  const sampledValue = [{ value: String(meterStart + 100) }];
  await station.meterValues({
    connectorId: 1, transactionId: start.transactionId, meterValue: [{ timestamp: now(), sampledValue }],
  });
  await whileCharging(start.transactionId);
  await station.stopTransaction({ transactionId: start.transactionId, meterStop: meterStart + 400, timestamp: now() });
  await station.sendStatusNotification({ connectorId: 1, errorCode: "NoError", status: "Available" });
}

try {
  const host = url.replace("ws://", `ws://${encodeURIComponent(identity)}:${encodeURIComponent(password)}@`);
  const station = await chargepointFactory(`${host}/${encodeURIComponent(identity)}`);
  const boot = await station.sendBootnotification({ chargePointVendor: "em", chargePointModel: "simulator" });
  check(boot.status === "Accepted", `boot: ${JSON.stringify(boot)}`);
  check("currentTime" in (await station.sendHeartbeat()), "heartbeat");
  check((await station.sendAuthorize({ idTag: "GOODTAG" })).idTagInfo.status === "Accepted", "known tag");
  await station.sendDiagnosticsStatusNotification({ status: "Idle" });
  await station.sendFirmwareStatusNotification({ status: "Idle" });
  await charge(station, "GOODTAG", 1000, async () => {});

  const started = new Promise((resolve) => station.answerRemoteStartTransaction((request) => {
    station.sendResponse(request.uniqueId, { status: "Accepted" });
    resolve(request.payload);
  }));
  const stopped = new Promise((resolve) => station.answerRemoteStopTransaction((request) => {
    station.sendResponse(request.uniqueId, { status: "Accepted" });
    resolve(request.payload);
  }));
  console.log("ready");
  const { idTag } = await started;
  await charge(station, idTag, 2000, async (transactionId) => {
    console.log(`charging ${transactionId}`);
    check((await stopped).transactionId === transactionId, "asked to stop another session");
  });
  station.close();
} catch (error) {
  complaints.push(`${error?.stack ?? JSON.stringify(error)}`);
}
clearTimeout(giveUp);
complaints.forEach((each) => console.error(each));
process.exit(complaints.length ? 1 : 0);
