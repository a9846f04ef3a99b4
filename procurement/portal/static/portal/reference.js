// The reader of the API's schema would show its maker's picture from the maker's own host: nothing is asked of another.
(function () {
  const set = HTMLImageElement.prototype.setAttribute;
  HTMLImageElement.prototype.setAttribute = function (name, value) {
    const isForeign = name === "src" && new URL(value, document.baseURI).origin !== location.origin;
    if (!isForeign || String(value).startsWith("data:")) set.call(this, name, value);
  };
})();
