// The desk works without this. It moves the focus to what a form answered, looks again at a page that shows the
// pipeline at work, and gives single-key shortcuts to those who have not turned them off.
(function () {
  "use strict";

  const said = document.getElementById("said");
  if (said) {
    said.focus();
  }

  const main = document.getElementById("main-content");
  const seconds = Number(main.dataset.live || 0);
  if (seconds > 0) {
    window.setInterval(async function () {
      // Nothing is taken away from under somebody who reads it with the keyboard or has opened a part of it.
      const inUse = document.hidden || main.contains(document.activeElement) || main.querySelector("details[open]");
      if (inUse) {
        return;
      }
      const answer = await fetch(window.location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) {
        return;
      }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceChildren(...page.getElementById("main-content").childNodes);
    }, seconds * 1000);
  }

  if (document.body.dataset.shortcuts !== "on") {
    return;
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) {
      return;
    }
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      return;
    }
    const wanted = Array.from(document.querySelectorAll("[data-key]")).find(function (element) {
      return element.dataset.key === event.key;
    });
    if (!wanted) {
      return;
    }
    event.preventDefault();
    const details = wanted.closest("details");
    if (details) {
      details.open = true;
    }
    if (wanted.matches("a")) {
      wanted.click();
    } else {
      wanted.focus();
      wanted.scrollIntoView({ block: "center" });
    }
  });
}());
