// The theme's own accessibility faults, mended after it has drawn the page.
(() => {
  const each = (selector, mend) => document.querySelectorAll(selector).forEach(mend);

  const mend = () => {
    // The button for light and dark is called "Color mode" and shows an icon titled "Light": its name holds both.
    each(".theme-switch-button", (node) => {
      if (node.ariaLabel === "Color mode") node.setAttribute("aria-label", "Color mode: Light Dark System Settings");
    });

    // A name must contain the text that is shown: "Search" was said of "Search Ctrl + K", "Toggle" of "Show the code".
    each("button[aria-label], a[aria-label], label[aria-label], summary[aria-label]", (node) => {
      const shown = node.innerText?.trim().replace(/\s+/g, " ").toLowerCase();
      if (shown && !node.ariaLabel.toLowerCase().includes(shown)) node.removeAttribute("aria-label");
    });

    // The sidebar holds the logo and the search beside its list of pages, and was no landmark.
    each(".bd-sidebar-primary", (node) => {
      node.setAttribute("role", "region");
      node.setAttribute("aria-label", "Contents of the book");
    });

    // Fold-outs of the sidebar are summaries that hold nothing but an icon.
    each("summary", (node) => {
      if (!node.textContent.trim() && !node.ariaLabel) {
        const chapter = node.closest("li")?.querySelector("a")?.textContent.trim();
        node.setAttribute("aria-label", chapter ? `Sections of ${chapter}` : "More");
      }
    });

    // The bibliography's roles are deprecated ones; without them it is read as what it is, paragraphs.
    each(".citation-list, .citation-list [role]", (node) => node.removeAttribute("role"));

    each(".cell_output img, .bd-article figure img, .bd-article p > img", (node) => {
      if (node.naturalWidth > 432) node.classList.add("wide");
    });

    // The map of the course is wider than a telephone: it opens at its middle, where the course begins.
    each(".course-map:not([data-seen])", (node) => {
      node.dataset.seen = "1";
      node.scrollLeft = (node.scrollWidth - node.clientWidth) / 2;
    });

    // What scrolls sideways must be reachable by keyboard.
    each(".cell_output, .cell_output .output, .cell_output pre, figure, .stage, .gpc-table, .course-map, .pst-scrollable-table-container, div.highlight pre, div.math, .bd-article p:has(> img)", (node) => {
      if (node.scrollWidth <= node.clientWidth) return node.classList.remove("more", "less");
      if (!node.hasAttribute("tabindex")) node.tabIndex = 0;
      const edge = () => {
        node.classList.toggle("more", node.scrollLeft + node.clientWidth < node.scrollWidth - 2);
        node.classList.toggle("less", node.scrollLeft > 2);
      };
      node.addEventListener("scroll", edge, { passive: true });
      edge();
    });
  };

  // Where one is on the page: the theme takes the dots of `gpc.layers.choose` for classes, and marks nothing there.
  const mark = () => {
    const links = [...document.querySelectorAll(".page-toc a")];
    if (!links.some((link) => link.hash.includes("."))) return;
    const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
    const here = () => {
      const last = places.findLastIndex((place) => place?.getBoundingClientRect().top < 200);
      links.forEach((link) => link.classList.remove("active"));
      for (let item = links[last]?.closest("li"); item; item = item.parentElement.closest("li")) {
        item.querySelector("a").classList.add("active");
      }
    };
    addEventListener("scroll", () => requestAnimationFrame(here), { passive: true });
    here();
  };

  // The figure on the first page moves once; its button stops it, goes on, and plays it again.
  const play = (cover) => {
    const hand = cover.querySelector(".cover-hand"), calm = matchMedia("(prefers-reduced-motion: reduce)");
    const say = (text) => (hand.textContent = text);
    const start = () => {
      cover.classList.remove("moves", "rests");
      cover.getBoundingClientRect(); // without it the browser sees no change, and nothing moves again
      cover.classList.add("moves");
      say("Pause");
    };
    const end = (event) => {
      if (event.animationName !== "cover-shrink") return;
      cover.classList.remove("moves");
      say("Play again");
    };
    cover.addEventListener("animationend", end);
    hand.addEventListener("click", () => {
      if (!cover.classList.contains("moves")) start();
      else say(cover.classList.toggle("rests") ? "Go on" : "Pause");
    });
    hand.hidden = calm.matches;
    if (!calm.matches) start();
  };

  // A browser lets no page that is a file read other files: search then lists pages without a passage of each.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  document.addEventListener("DOMContentLoaded", () => {
    mend();
    mark();
    each(".cover", play);
  });
  addEventListener("load", mend); // once more: the theme draws parts of the page by then
})();
