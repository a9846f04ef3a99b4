// Draws what the page says as JSON (procurement/portal/charts.py); the table beside each picture says the same.
(function () {
  const TOP = 44, SPAN = 22;
  const charts = [];
  const language = document.documentElement.lang || "en";

  // Days are ISO text and are read as UTC on every axis, so no reader's time zone can move one.
  function format(options) {
    return new Intl.DateTimeFormat(language, Object.assign({ timeZone: "UTC" }, options));
  }
  const day = format({ day: "numeric", month: "short", year: "numeric" });
  const month = format({ month: "short", year: "numeric" });
  const year = format({ year: "numeric" });
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

  function instant(text) {
    return Date.parse(text + "T00:00:00Z");
  }

  // The colours of the theme as the browser resolves them: from elements that wear them.
  function tones(figure) {
    const found = {};
    figure.querySelectorAll("[data-tone]").forEach(function (probe) {
      found[probe.dataset.tone] = window.getComputedStyle(probe).color;
    });
    const style = window.getComputedStyle(figure);
    found.ink = style.color;
    found.font = style.fontFamily;
    return found;
  }

  function faded(colour, opacity) {
    const parts = colour.match(/[\d.]+/g);
    return parts ? "rgba(" + parts.slice(0, 3).join(",") + "," + opacity + ")" : colour;
  }

  function lines(each, colour, facts) {
    const series = {
      type: each.shape === "bar" ? "bar" : each.shape === "points" ? "scatter" : "line",
      name: each.name,
      data: facts.byName ? each.points.map(function (point) { return point; }) :
        each.points.map(function (point) { return [instant(point[0]), point[1]]; }),
      itemStyle: { color: colour },
      stack: each.stack || undefined,
      z: 5,
    };
    if (series.type === "line") {
      series.step = each.shape === "step" ? "end" : false;
      series.lineStyle = { color: colour, width: each.width, type: each.dash };
      series.showSymbol = each.shape === "line";
      series.symbolSize = 6;
      series.connectNulls = false;
    }
    if (series.type === "scatter") series.symbolSize = 9;
    return series;
  }

  function band(each, colour) {
    return {
      type: "custom",
      name: each.name,
      data: each.parts.map(function (part) { return [instant(part[0]), instant(part[1]), part[2], part[3]]; }),
      encode: { x: [0, 1], y: [2, 3], tooltip: [] },
      itemStyle: { color: colour },
      tooltip: { show: false },
      silent: true,
      z: 1,
      renderItem: function (params, api) {
        const from = api.coord([api.value(0), api.value(3)]);
        const until = api.coord([api.value(1), api.value(2)]);
        const area = params.coordSys;
        const x = Math.max(from[0], area.x);
        const right = Math.min(until[0], area.x + area.width);
        return {
          type: "rect",
          shape: { x: x, y: from[1], width: Math.max(0, right - x), height: Math.max(0, until[1] - from[1]) },
          style: { fill: faded(colour, 0.28), stroke: faded(colour, 0.6), lineWidth: 1 },
        };
      },
    };
  }

  function spans(list, tone) {
    return {
      type: "custom",
      name: "",
      data: list.map(function (each, place) { return [instant(each.from), instant(each.until), 0, place]; }),
      encode: { x: [0, 1], y: 2, tooltip: [] },
      tooltip: { show: false },
      silent: true,
      z: 6,
      renderItem: function (params, api) {
        const each = list[api.value(3)];
        const area = params.coordSys;
        const x = Math.max(api.coord([api.value(0), 0])[0], area.x) + 1;
        const right = Math.min(api.coord([api.value(1), 0])[0], area.x + area.width) - 1;
        const width = Math.max(0, right - x);
        return {
          type: "rect",
          shape: { x: x, y: area.y - SPAN - 4, width: width, height: SPAN, r: 3 },
          style: { fill: faded(tone[each.tone], 0.22), stroke: tone[each.tone], lineWidth: 1 },
          textContent: {
            type: "text",
            style: { text: width > 40 ? each.label : "", fill: tone.ink, fontSize: 11, fontFamily: tone.font,
              width: width - 6, overflow: "truncate" },
          },
          textConfig: { position: "inside" },
        };
      },
    };
  }

  function option(facts, tone, width) {
    const quiet = tone.quiet;
    const series = facts.series.map(function (each) { return lines(each, tone[each.tone], facts); });
    const bands = facts.bands.map(function (each) { return band(each, tone[each.tone]); });
    const all = bands.concat(series);
    if (facts.spans.length) all.push(spans(facts.spans, tone));
    if (facts.marks.length && series.length) {
      series[0].markLine = {
        silent: true,
        symbol: "none",
        animation: false,
        data: facts.marks.map(function (mark) {
          return {
            xAxis: instant(mark.on),
            lineStyle: { color: tone[mark.tone], type: "dashed", width: 1.5 },
            label: { formatter: mark.label, color: tone[mark.tone], fontFamily: tone.font, position: "insideEndTop",
              rotate: 90, distance: 2 },
          };
        }),
      };
    }
    const text = { color: quiet, fontFamily: tone.font, fontSize: 12 };
    const x = facts.byName
      ? { type: "category", axisLabel: text }
      : { type: "time", axisLabel: Object.assign({ hideOverlap: true, formatter: function (value) {
        const on = new Date(value);
        return on.getUTCDate() > 1 ? "" : on.getUTCMonth() === 0 ? year.format(on) : month.format(on);
      } }, text), min: "dataMin", max: "dataMax", minInterval: 28 * 86400000 };
    x.axisLine = { lineStyle: { color: quiet } };
    x.splitLine = { show: false };
    return {
      animation: false,
      useUTC: true,
      textStyle: { fontFamily: tone.font, color: tone.ink },
      aria: { enabled: true, label: { description: facts.label } },
      legend: {
        type: width < 700 ? "scroll" : "plain",
        top: 0,
        left: 0,
        itemWidth: 26,
        textStyle: { color: tone.ink, fontFamily: tone.font },
        pageTextStyle: { color: tone.ink },
        pageIconColor: tone.ink,
        pageIconInactiveColor: quiet,
        inactiveColor: quiet,
        data: facts.bands.concat(facts.series).map(function (each) { return each.name; }),
      },
      grid: { left: 8, right: 16, top: TOP + (facts.spans.length ? SPAN + 8 : 0) + (width < 1000 && width >= 700 ? 22 : 0),
        bottom: 8, containLabel: true },
      xAxis: x,
      yAxis: { type: "value", min: 0, name: facts.unit, nameTextStyle: Object.assign({ align: "left" }, text),
        nameGap: facts.spans.length ? SPAN + 12 : 12, axisLabel: Object.assign({ formatter: function (value) {
          return number.format(value);
        } }, text), splitLine: { lineStyle: { color: faded(quiet, 0.25) } } },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        confine: true,
        transitionDuration: 0,
        axisPointer: { type: facts.byName ? "shadow" : "line", animation: false },
        formatter: function (points) {
          const shown = points.filter(function (point) { return point.componentSubType !== "custom"; });
          if (!shown.length) return "";
          const head = facts.byName ? shown[0].axisValueLabel : day.format(new Date(shown[0].axisValue));
          return [head].concat(shown.map(function (point) {
            const value = point.value[1];
            return point.seriesName + ": " + (value === null || value === undefined ?
              facts.words.unknown : number.format(value) + " " + facts.unit);
          })).join("\n");
        },
      },
      series: all,
    };
  }

  function draw(chart, width) {
    const tone = tones(chart.figure);
    const wide = width || chart.place.clientWidth;
    chart.view.resize({ width: width || "auto", height: chart.facts.height });
    chart.view.setOption(option(chart.facts, tone, wide), { notMerge: true });
  }

  function start(figure) {
    const place = figure.querySelector("[data-chart-place]");
    const facts = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    place.style.height = facts.height + "px";
    place.hidden = false;
    const chart = { figure: figure, facts: facts, place: place,
      view: window.echarts.init(place, null, { renderer: "svg", height: facts.height }) };
    charts.push(chart);
    draw(chart);
    new ResizeObserver(function () { draw(chart); }).observe(figure);
  }

  document.addEventListener("DOMContentLoaded", function () {
    if (!window.echarts) return;
    document.querySelectorAll("[data-chart]").forEach(start);
    new MutationObserver(function () { charts.forEach(function (chart) { draw(chart); }); }).observe(
      document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
    // Paper is narrower than the screen, and the browser does not ask again.
    window.addEventListener("beforeprint", function () { charts.forEach(function (chart) { draw(chart, 680); }); });
    window.addEventListener("afterprint", function () { charts.forEach(function (chart) { draw(chart); }); });
  });
})();
