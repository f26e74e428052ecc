// Numbers, sizes and times, as people read them.

const whole = new Intl.NumberFormat("en-US");

export const number = (value) => whole.format(value ?? 0);

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1024) return `${value} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(value) / 10), units.length);
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

export function plural(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

const two = (value) => String(value).padStart(2, "0");

// The time of day, here.
export function clock(ts) {
  const time = new Date(ts);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

// Day and time, here; of today the time alone.
export function when(ts) {
  if (!ts) return "–";
  const time = new Date(ts);
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return time.toDateString() === new Date().toDateString() ? clock(ts) : `${day} ${clock(ts)}`;
}

// How long ago.
export function ago(ts) {
  if (!ts) return "never";
  const seconds = Math.floor((Date.now() - new Date(ts)) / 1000);
  if (seconds < 1) return "just now";
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return "just now";
}

// A span of milliseconds.
export function span(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
