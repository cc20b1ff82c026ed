// Runs before the first paint, so that a light theme never flashes dark. Kept in step with src/lib/state/theme.svelte.ts.
(function () {
  var theme = null;
  try {
    theme = localStorage.getItem('loopync.theme');
  } catch (error) {
    // Storage may be forbidden; the system's theme is used then.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
