# Reads the lines of the store's Go benchmarks and prints `name value unit
# (bar)`: processor time, ratios and sizes, each with what it is held to.
# n is the number of workflows.
function bar(name) {
	if (name ~ /^Search\//) return 30000
	if (name ~ /^Sort(Again)?\//) return 20000
	if (name ~ /^Filter\//) return 5000
	if (name ~ /^Facets\//) return 20000
	if (name ~ /^StitchedSize\//) return 1.1
	if (name ~ /Memory$|^ReaderPause$/) return 1.6
	return ""
}
function show(name, value, unit, limit) {
	printf "store %d %s %s %s", n, name, value, unit
	if (limit != "") printf " (at most %s)", limit
	print ""
}
/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	for (i = 3; i < NF; i += 2) {
		unit = $(i + 1)
		if (unit == "cpu-us/op") {
			cost[name] = $i
			if (name !~ /^Publish\//) show(name, $i, "us", bar(name))
		}
		if (unit == "longest-ms") show(name "/longest", $i, "ms", 20)
		if (unit == "p99.9-ms") show(name "/p99.9", $i, "ms", "")
		if (unit == "of-gzip-6" || unit == "RSS/encoded" || unit == "B/page") show(name, $i, unit, unit == "B/page" ? "" : bar(name))
	}
}
END {
	if ("Publish/change" in cost) show("publish-beyond-encoding", cost["Publish/change"] - cost["Publish/encoding"], "us", 50)
	if (cost["Page/odd"] > 0) show("naive-to-odd-page", cost["Page/naive"] / cost["Page/odd"], "times", "")
	if (cost["Page/hot"] > 0) show("naive-to-hot-page", cost["Page/naive"] / cost["Page/hot"], "times", "")
}
