// The preview of a team's look: colours and files that are chosen and not yet saved.
(() => {
  const chosen = {};  // what files were chosen, as data, by kind

  const paint = () => {
    document.querySelectorAll("[data-variables]").forEach((sample) => {
      for (const [name, value] of Object.entries(JSON.parse(sample.dataset.variables))) sample.style.setProperty(name, value);
    });
    for (const [kind, data] of Object.entries(chosen)) {
      document.querySelectorAll(`[data-logo="${kind}"]`).forEach((picture) => {
        const better = picture.dataset.insteadOf && document.querySelector(`[data-logo="${picture.dataset.insteadOf}"]`);
        if (better && !better.hidden) return;
        picture.src = data;
        picture.hidden = false;
      });
      if (kind === "logo_dark") document.querySelectorAll("[data-instead-of=logo_dark]").forEach((picture) => { picture.hidden = true; });
    }
  };

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!field.matches("[data-picture]")) return;
    if (!field.files.length || !field.files[0].type.startsWith("image/")) return;
    const reader = new FileReader();
    reader.addEventListener("load", () => { chosen[field.name] = reader.result; paint(); });
    reader.readAsDataURL(field.files[0]);
  });
  document.addEventListener("htmx:afterSettle", paint);
  paint();
})();
