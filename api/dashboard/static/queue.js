// The queue looks whether it has changed, and shows the new list unless somebody is at work in it.
"use strict";

const EVERY = 20_000;
const MOST = 30; // looks after the last sign of a person, so that a page left open lets the session end
let looks = 0;

function isInUse(list) {
  return list.contains(document.activeElement) || list.querySelector("input:checked") !== null;
}

async function renew(list) {
  const answer = await fetch(list.dataset.address);
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("cases");
  if (fresh && !isInUse(list)) list.replaceWith(fresh);
}

async function look() {
  const list = document.getElementById("cases");
  if (!document.hidden && looks < MOST) {
    looks += 1;
    const address = new URL(list.dataset.address, location.href);
    address.searchParams.set("format", "state");
    const answer = await fetch(address);
    if (answer.ok && !answer.redirected && (await answer.text()) !== list.dataset.state) {
      if (isInUse(list)) document.getElementById("changed").hidden = false;
      else await renew(list);
    }
  }
  again();
}

function again() {
  setTimeout(() => look().catch(again), EVERY);
}

for (const sign of ["pointerdown", "keydown"]) document.addEventListener(sign, () => (looks = 0));
again();
