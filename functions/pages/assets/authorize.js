(() => {
  const given = document.getElementById('given').dataset;
  const shown = window.opener ? 'handed' : 'alone';
  if (window.opener) {
    window.opener.postMessage({ token: given.token, app_urls: JSON.parse(given.appUrls) }, given.viewer);
  }
  delete given.token;
  document.getElementById(shown).hidden = false;
})();
