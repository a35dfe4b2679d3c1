// The desk works without this. It moves the focus to what a form answered, and gives single-key shortcuts to
// those who have not turned them off.
(function () {
  "use strict";

  const said = document.getElementById("said");
  if (said) {
    said.focus();
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
