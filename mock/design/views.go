package design

// lastTransition is the start of the maps that use the time of the last status.
// Without a history the time is null, as in the running system.
const lastTransition = `
  var t = doc.RequestTransition, last = null;
  if (Array.isArray(t) && t.length && t[t.length - 1]) { last = t[t.length - 1].UpdateTime; }`

// agentPair is the map of the two views over agents' reports on workflows.
const agentPair = `function(doc) {
  if (doc.type === "agent_request") { emit([doc.workflow, doc.agent_url], null); }
}`

// Views lists all views, those of one design document together.
func Views() []View {
	return append(requestViews(), wmstatsViews()...)
}

// requestViews are those of reqmgr_workload_cache. As in the running system,
// the first three emit each document, with the key null where the field is
// missing.
func requestViews() []View {
	return []View{
		{RequestDB, "ReqMgr", "bystatus", `function(doc) {` + lastTransition + `
  emit(doc.RequestStatus, last);
}`, ""},
		{RequestDB, "ReqMgr", "bystatusandtime", `function(doc) {` + lastTransition + `
  emit([doc.RequestStatus, last], null);
}`, ""},
		{RequestDB, "ReqMgr", "byrequest", `function(doc) {
  emit(doc.RequestName, [doc.RequestStatus, doc.RequestType]);
}`, ""},
		{RequestDB, "ReqMgr", "childresubmissionrequests", `function(doc) {
  if (doc.OriginalRequestName) { emit(doc.OriginalRequestName, doc.RequestStatus); }
}`, ""},
		{RequestDB, "ReqMgr", "byoriginalrequest", `function(doc) {
  if (doc.OriginalRequestName) { emit(doc.OriginalRequestName, doc.RequestName); }
}`, ""},
	}
}

// wmstatsViews are those of wmstats and wmstats_logdb. As in the running
// system, the key of a job ends with the types of all its errors, repeated ones
// included, and each message of a log entry yields a row with the time of the
// newest one.
func wmstatsViews() []View {
	return []View{
		{WMStatsDB, "WMStatsErl", "requestAgentUrl", agentPair, "_count"},
		{WMStatsDB, "WMStatsErl2", "allWorkflows", `function(doc) {
  if (doc.workflow !== undefined) { emit(doc.workflow, {id: doc._id, rev: doc._rev}); }
}`, "_count"},
		{WMStatsDB, "WMStatsErl3", "jobsByStatusWorkflow", `function(doc) {
  var errors = doc.errors, types = [], step, list, i;
  if (doc.type !== "jobsummary" || !errors || typeof errors !== "object" || Array.isArray(errors)) { return; }
  for (step in errors) {
    list = errors[step];
    for (i = 0; Array.isArray(list) && i < list.length; i++) {
      if (list[i] && typeof list[i].type === "string") { types.push(list[i].type); }
    }
  }
  types.sort();
  emit([doc.workflow, doc.task, doc.state, doc.exitcode, doc.site, doc.acdc_url, doc.agent_name, types],
       {id: doc._id, rev: doc._rev});
}`, "_count"},
		{WMStatsDB, "WMStatsErl7", "agentInfo", `function(doc) {
  if (doc.type === "agent_info") { emit(doc.agent_url, doc); }
}`, ""},
		{WMStatsDB, "WMStatsErl7", "latestRequest", agentPair, ""},
		{LogDB, "LogDB", "logByRequest", `function(doc) {
  var m = doc.messages, last, i;
  if (!Array.isArray(m)) { return; }
  last = m[m.length - 1];
  for (i = 0; i < m.length; i++) {
    emit(doc.request, {type: doc.type, agent: doc.identifier, thr: doc.thr, ts: last ? last.ts : undefined});
  }
}`, ""},
	}
}
