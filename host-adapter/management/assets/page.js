// Refreshes the page every two seconds, unless it is paused, hidden or in use. Without this script the page
// works as well; the reader reloads it.
"use strict";

const pause = document.getElementById("pause");
let paused = false;

function setPaused(value) {
  paused = value;
  pause.setAttribute("aria-pressed", String(value));
  pause.textContent = value ? "Paused" : "Pause";
}

function inUse() {
  const active = document.activeElement;
  return active !== null && active.closest("main") !== null;
}

async function refresh() {
  if (paused || document.hidden || inUse()) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (paused || inUse()) return;
    document.querySelector("main").replaceWith(next.querySelector("main"));
  } catch {
    // The process is restarting. The next attempt may find it.
  }
}

if (pause !== null) {
  pause.hidden = false;
  pause.addEventListener("click", () => setPaused(!paused));
  document.addEventListener("keydown", (event) => {
    if (event.key === "p" && !inUse() && !event.ctrlKey && !event.metaKey) setPaused(!paused);
  });
  setInterval(refresh, 2000);
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question !== undefined && !confirm(question)) event.preventDefault();
});
