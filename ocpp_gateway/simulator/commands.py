"""Handlers of a simulated station for the commands of the central system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ocpp.routing import after, on
from ocpp.v16 import ChargePoint, call, call_result

if TYPE_CHECKING:
    from ocpp_gateway.simulator.station import Outlet, SimulatedStation

READ_ONLY = {"NumberOfConnectors", "SupportedFeatureProfiles"}


class CommandedLink(ChargePoint):
    """The link of a simulated station."""

    def __init__(self, station: SimulatedStation, socket: Any) -> None:
        super().__init__(station.plan.identity, socket, response_timeout=20)
        self.station = station

    def _outlet(self, number: int | None) -> Outlet | None:
        if number is not None:
            return self.station.outlets.get(number)
        return next((outlet for outlet in self.station.outlets.values() if outlet.charge is None), None)

    @on("RemoteStartTransaction")
    def remote_start(self, id_tag: str, connector_id: int | None = None, **_rest: Any) -> Any:
        outlet = self._outlet(connector_id)
        if outlet is None or outlet.charge is not None or not outlet.is_operative or outlet.status == "Faulted":
            return call_result.RemoteStartTransaction(status="Rejected")
        outlet.remote_starts.put_nowait(id_tag)
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")
    def remote_stop(self, transaction_id: int) -> Any:
        for outlet in self.station.outlets.values():
            if outlet.charge is not None and outlet.charge.transaction_id == transaction_id:
                outlet.charge.reason = "Remote"
                outlet.charge.stop.set()
                return call_result.RemoteStopTransaction(status="Accepted")
        return call_result.RemoteStopTransaction(status="Rejected")

    @on("Reset")
    def reset(self, type: str) -> Any:
        return call_result.Reset(status="Accepted")

    @after("Reset")
    async def restart(self, type: str) -> None:
        for outlet in self.station.outlets.values():
            if outlet.charge is not None:
                outlet.charge.reason = f"{type}Reset"
                outlet.charge.stop.set()
            outlet.repaired.set()
        await asyncio.sleep(1.0)
        self.station.restart.set()

    @on("ChangeAvailability")
    def change_availability(self, connector_id: int, type: str) -> Any:
        chosen = [o for o in self.station.outlets.values() if connector_id in (0, o.number)]
        if not chosen:
            return call_result.ChangeAvailability(status="Rejected")
        for outlet in chosen:
            outlet.is_operative = type == "Operative"
        busy = any(outlet.charge is not None for outlet in chosen)
        return call_result.ChangeAvailability(status="Scheduled" if busy else "Accepted")

    @after("ChangeAvailability")
    async def report_availability(self, connector_id: int, type: str) -> None:
        for outlet in self.station.outlets.values():
            if connector_id in (0, outlet.number) and outlet.charge is None:
                await self.station.set_status(outlet, "Available" if outlet.is_operative else "Unavailable")

    @on("UnlockConnector")
    def unlock(self, connector_id: int) -> Any:
        outlet = self._outlet(connector_id)
        if outlet is None:
            return call_result.UnlockConnector(status="NotSupported")
        if outlet.charge is not None:
            outlet.charge.reason = "UnlockCommand"
            outlet.charge.stop.set()
        return call_result.UnlockConnector(status="Unlocked")

    @on("TriggerMessage")
    def trigger(self, requested_message: str, connector_id: int | None = None) -> Any:
        known = {"BootNotification", "Heartbeat", "StatusNotification", "MeterValues"}
        return call_result.TriggerMessage(status="Accepted" if requested_message in known else "NotImplemented")

    @after("TriggerMessage")
    async def send_triggered(self, requested_message: str, connector_id: int | None = None) -> None:
        station = self.station
        if requested_message == "Heartbeat":
            await station.send_call(call.Heartbeat())
        elif requested_message == "BootNotification":
            plan = station.plan
            await station.send_call(
                call.BootNotification(charge_point_model=plan.model[:20], charge_point_vendor=plan.vendor[:20])
            )
        elif requested_message == "StatusNotification":
            for outlet in station.outlets.values():
                if connector_id in (None, 0, outlet.number):
                    await station.report_status(outlet)
        elif requested_message == "MeterValues":
            for outlet in station.outlets.values():
                value = {"value": f"{outlet.meter_wh:.0f}", "unit": "Wh", "context": "Trigger"}
                await station.send_call(
                    call.MeterValues(
                        connector_id=outlet.number,
                        meter_value=[{"timestamp": station.now_text(), "sampledValue": [value]}],
                    )
                )

    @on("GetConfiguration")
    def get_configuration(self, key: list[str] | None = None) -> Any:
        known = self.station.configuration
        wanted = key or list(known)
        found = [{"key": name, "readonly": name in READ_ONLY, "value": known[name]} for name in wanted if name in known]
        return call_result.GetConfiguration(
            configuration_key=found, unknown_key=[name for name in wanted if name not in known]
        )

    @on("ChangeConfiguration")
    def change_configuration(self, key: str, value: str) -> Any:
        if key == "AuthorizationKey":  # write-only
            self.station.password = value
            return call_result.ChangeConfiguration(status="Accepted")
        if key not in self.station.configuration:
            return call_result.ChangeConfiguration(status="NotSupported")
        if key in READ_ONLY:
            return call_result.ChangeConfiguration(status="Rejected")
        self.station.configuration[key] = value
        return call_result.ChangeConfiguration(status="Accepted")

    @on("ClearCache")
    def clear_cache(self) -> Any:
        return call_result.ClearCache(status="Accepted")

    @on("DataTransfer")
    def data_transfer(self, vendor_id: str, **_rest: Any) -> Any:
        return call_result.DataTransfer(status="UnknownVendorId")
