// The reader of the API's schema would show its maker's picture from the maker's own host: nothing is asked of another.
(function () {
  const picture = HTMLImageElement.prototype;
  const set = picture.setAttribute;
  const src = Object.getOwnPropertyDescriptor(picture, "src");
  function isForeign(value) {
    const address = new URL(value, document.baseURI);
    return address.protocol !== "data:" && address.origin !== location.origin;
  }
  // It is given its address in either way.
  picture.setAttribute = function (name, value) {
    if (name !== "src" || !isForeign(value)) set.call(this, name, value);
  };
  Object.defineProperty(picture, "src", {
    get: src.get,
    set: function (value) {
      if (!isForeign(value)) src.set.call(this, value);
    },
  });
})();
