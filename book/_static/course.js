// The theme's own accessibility faults, mended after it has drawn the page.
document.addEventListener("DOMContentLoaded", () => {
  const each = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  // A button's name must contain the text it shows: the search button's is "Search", its label said something else.
  each("[aria-label]", (node) => {
    const shown = node.innerText?.trim().replace(/\s+/g, " ");
    if (shown && node.matches("button, a, summary, label") && !node.ariaLabel.toLowerCase().includes(shown.toLowerCase())) {
      node.removeAttribute("aria-label");
    }
  });

  // The sidebar's fold-outs are summaries that hold an icon only.
  each("summary", (node) => {
    if (!node.textContent.trim() && !node.ariaLabel) {
      const chapter = node.closest("li")?.querySelector("a")?.textContent.trim();
      node.setAttribute("aria-label", chapter ? `Sections of ${chapter}` : "More");
    }
  });

  // What scrolls must be reachable by keyboard.
  each(".cell_output .output, .cell_output pre, .pst-scrollable-table-container, div.highlight pre", (node) => {
    if (node.scrollWidth > node.clientWidth && !node.hasAttribute("tabindex")) node.tabIndex = 0;
  });
});
