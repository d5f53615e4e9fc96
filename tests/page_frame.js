// Faults of a page's frame that axe does not look for, in words. What is folded is opened: it counts, too.
const faults = [];
const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const shown = (node) => node.offsetParent !== null && getComputedStyle(node).visibility !== "hidden";
const start = (node) => node.outerHTML.slice(0, 80);

// Hints and solutions are folded when the page opens.
all("main details[open]").forEach((node) => faults.push(`open from the start: ${start(node)}`));
all("details").forEach((node) => (node.open = true));

// Headings go down step by step from one h1; there is one main landmark.
const headings = all("main :is(h1, h2, h3, h4, h5, h6)").filter(shown);
const levels = headings.map((node) => Number(node.tagName[1]));
if (levels[0] !== 1 || levels.filter((level) => level === 1).length !== 1) faults.push(`headings are ${levels}`);
headings.forEach((node, i) => {
  if (i && levels[i] > levels[i - 1] + 1) faults.push(`h${levels[i]} after h${levels[i - 1]}: ${node.textContent}`);
});
if (all("main, [role=main]").length !== 1) faults.push("not one main landmark");

// The first thing that the keyboard reaches leads past the lists to the text.
const first = all("a[href], button, input, summary").find(shown);
const goal = first?.matches(".skip-link a") && document.querySelector(first.getAttribute("href"));
if (!goal || !(goal.closest("main") || goal.querySelector("main, article"))) faults.push("no link skips to the text");

// A link says where it leads, a drawing what it shows.
all("main a").forEach((node) => {
  if (/^(here|this|link|click here|more|page)$/i.test(node.textContent.trim())) faults.push(`a link: ${start(node)}`);
});
const name = (node) =>
  node.getAttribute("aria-label") ||
  document.getElementById(node.getAttribute("aria-labelledby"))?.textContent ||
  node.querySelector(":scope > title")?.textContent;
all("main svg").forEach((node) => {
  const spoken = name(node) || node.closest("[aria-hidden=true], button, [role=img][aria-label]") || all("a", node).length;
  if (!spoken) faults.push(`a drawing without a name: ${start(node)}`);
});

// Figures are read in the order in which they are seen.
all("main figure *, main .gpc *").forEach((node) => {
  const style = getComputedStyle(node);
  if (style.order !== "0" || /reverse/.test(style.flexDirection)) faults.push(`seen in another order: ${start(node)}`);
});

// Code of 80 columns does not scroll sideways.
all("div.highlight pre").forEach((node) => {
  const widest = Math.max(...node.innerText.split("\n").map((line) => line.trimEnd().length));
  const over = node.scrollWidth - node.clientWidth;
  if (widest <= 80 && over > 1) faults.push(`${widest} columns of code scroll by ${over} px: ${node.innerText.slice(0, 40)}`);
});
return faults;
