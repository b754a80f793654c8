// A client in JavaScript: reads a file of workflows, keeps all, writes all.
const fs = require("fs");
const file = process.argv[1];
const result = { Decode: 0, Encode: 0, Memory: 0, Failed: "" };

// lines yields the lines of the file without holding all of it.
function* lines() {
  const fd = fs.openSync(file, "r");
  const chunk = Buffer.alloc(4 << 20);
  let rest = Buffer.alloc(0);
  for (let n; (n = fs.readSync(fd, chunk)) > 0; ) {
    let data = Buffer.concat([rest, chunk.subarray(0, n)]);
    let from = 0;
    for (let at; (at = data.indexOf(10, from)) >= 0; from = at + 1) yield data.toString("utf8", from, at);
    rest = data.subarray(from);
  }
  if (rest.length > 0) yield rest.toString("utf8");
  fs.closeSync(fd);
}

const ms = () => Number(process.hrtime.bigint()) / 1e6;
try {
  global.gc();
  const before = process.memoryUsage().heapUsed;
  let kept;
  if (file.endsWith(".ndjson")) {
    const began = ms();
    kept = [];
    for (const line of lines()) kept.push(JSON.parse(line));
    result.Decode = ms() - began;
  } else {
    const began = ms();
    kept = JSON.parse(fs.readFileSync(file, "utf8"));
    result.Decode = ms() - began;
  }
  global.gc();
  result.Memory = process.memoryUsage().heapUsed - before;
  const began = ms();
  let length = 0;
  if (file.endsWith(".ndjson")) for (const w of kept) length += JSON.stringify(w).length;
  else length = JSON.stringify(kept).length;
  result.Encode = ms() - began;
  if (length < kept.length) result.Failed = "nothing was written";
} catch (e) {
  result.Failed = String(e.message);
}
console.log(JSON.stringify(result));
