// Elements that can be used and have no name, and images without a text.
const named = (e) => (e.labels && e.labels.length) || e.getAttribute("aria-label") || e.textContent.trim() ||
  (e.getAttribute("aria-labelledby") && document.getElementById(e.getAttribute("aria-labelledby")));
const kinds = "a,button,input:not([type=hidden]),select,textarea,svg,nav,section,[role=img],[role=region]";
return [...document.querySelectorAll(kinds)].filter((e) => !named(e)).map((e) => e.outerHTML.slice(0, 120));
