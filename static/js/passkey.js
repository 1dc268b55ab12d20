// Passkeys: asks the browser to make one or to sign with one, and sends what it answers with the form it belongs to.
// What is asked stands in #passkey-options, or is fetched from data-ask when the button is pressed.
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const make = async ({ publicKey }) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...publicKey, challenge: bytes(publicKey.challenge), excludeCredentials: known(publicKey.excludeCredentials),
        user: { ...publicKey.user, id: bytes(publicKey.user.id) },
      },
    });
    const { attestationObject, clientDataJSON } = made.response;
    return told(made, {
      attestationObject: text(attestationObject), clientDataJSON: text(clientDataJSON),
      transports: made.response.getTransports ? made.response.getTransports() : [],
    });
  };
  const sign = async ({ publicKey }) => {
    const signed = await navigator.credentials.get({
      publicKey: { ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: known(publicKey.allowCredentials) },
    });
    const { authenticatorData, clientDataJSON, signature, userHandle } = signed.response;
    return told(signed, {
      authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    });
  };
  const told = (credential, response) => JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
  const options = async (form) => {
    if (!form.dataset.ask) return JSON.parse(document.getElementById("passkey-options").textContent);
    const answer = await fetch(form.dataset.ask, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new DOMException("", "BusyError");
    return answer.json();
  };

  const words = (form, error) => {
    if (!navigator.credentials || error.name === "SecurityError" || error.name === "NotSupportedError") return form.dataset.unable;
    if (error.name === "InvalidStateError") return form.dataset.known;
    return error.name === "BusyError" ? form.dataset.busy : form.dataset.aborted;
  };
  document.querySelectorAll("form[data-passkey]").forEach((form) => form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const place = form.querySelector("[role=alert]");
    place.hidden = true;
    try {
      form.credential.value = await (form.dataset.passkey === "create" ? make : sign)(await options(form));
    } catch (error) {
      place.textContent = words(form, error);
      place.hidden = false;
      return;
    }
    form.submit();
  }));
})();
