// The answer follows what is filled in. Without this script the form's button asks for it.

const form = document.getElementById("try");
const PAUSE = 300;
let timer;
let isAsking = false;
let isOld = false;

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, PAUSE);
});

// One request at a time: what is typed meanwhile is asked about next, and only the newest answer is shown.
async function ask() {
  isOld = true;
  if (isAsking) return;
  isAsking = true;
  try {
    while (isOld) {
      isOld = false;
      const page = await answerTo(new URLSearchParams(new FormData(form)));
      if (!isOld) show(page);
    }
  } catch {
    say("The answer could not be fetched: press “Show the answer”.");
  } finally {
    isAsking = false;
  }
}

async function answerTo(body) {
  const answer = await fetch(form.action, { method: "POST", body, headers: { "x-part": "answer" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.getElementById("answer")) throw new Error("no answer");
  return page;
}

// Only what differs is replaced, so that nothing else is read out, and nothing that is typed is lost.
function show(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
  }
  for (const field of form.querySelectorAll("[id^='field-'], [id^='options-']")) describe(field, page);
  const faults = document.getElementById("faults");
  if (faults) faults.remove();
  history.replaceState(null, "", page.getElementById("answer").dataset.address);
}

function describe(field, page) {
  const fresh = page.getElementById(field.id);
  for (const name of ["aria-invalid", "aria-describedby"]) {
    const value = fresh && fresh.getAttribute(name);
    if (value) field.setAttribute(name, value);
    else field.removeAttribute(name);
  }
}

function say(words) {
  const told = document.createElement("p");
  told.className = "warning";
  told.textContent = words;
  document.getElementById("answer").replaceChildren(told);
}
