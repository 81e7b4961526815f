// Comfort on top of pages that work without: parts that renew themselves, and texts to copy.
"use strict";

// <section id="…" data-refresh="5"> is fetched anew every so many seconds, until the page says no more.
async function renew(part) {
  if (!document.hidden && !part.contains(document.activeElement)) {
    const answer = await fetch(location.href, { headers: { "x-part": part.id } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part.id);
    if (!fresh) return;
    part.replaceWith(fresh);
    part = fresh;
  }
  watch(part);
}

function watch(part) {
  const seconds = Number(part.dataset.refresh);
  if (seconds) setTimeout(() => renew(part).catch(() => watch(part)), seconds * 1000);
}

// <button hidden data-copy="id of an element"> copies its text, where the browser can.
function offerToCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}

document.querySelectorAll("[data-refresh]").forEach(watch);
document.querySelectorAll("[data-copy]").forEach(offerToCopy);

// What has to be corrected is read out and scrolled to first.
const faults = document.getElementById("faults");
if (faults) faults.focus();
