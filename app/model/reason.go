package model

import (
	"strings"

	"millpond/proxy/control"
)

// A sentence says what is the matter and what to do about it.
type sentence struct {
	what string // a key of the locale files
	do   string // a key of the locale files; "" when there is nothing to do
}

// reasons are the daemon's reasons for its state, by their codes.
var reasons = map[string]sentence{
	"paused":               {"reason.paused", "advice.resume"},
	"no_upstream":          {"reason.no_upstream", "advice.add_upstream"},
	"no_healthy_upstream":  {"reason.no_healthy_upstream", "advice.check_upstreams"},
	"success_too_low":      {"reason.success_too_low", "advice.look_at_failures"},
	"upstream_ejected":     {"reason.upstream_ejected", "advice.ejected"},
	"success_below_target": {"reason.success_below_target", "advice.look_at_failures"},
	"credential_missing":   {"reason.credential_missing", "advice.credential"},
	"settings_unapplied":   {"reason.settings_unapplied", "advice.mend_settings"},
}

// reasonOf says why the proxy is in its state, and what to do. A daemon that is
// newer than we are may have reasons that we do not know: they are shown as
// they are.
func reasonOf(s control.Status) (what, do Text) {
	switch {
	case s.MinAPI > control.API, len(s.UnknownSettings) > 0:
		return T("reason.application_too_old", "Version", s.Version), T("advice.update_application")
	case s.API < control.MinAPI:
		return T("reason.daemon_too_old", "Version", s.Version), T("advice.update_daemon")
	case s.Draining:
		return T("reason.draining"), Text{}
	case s.Reason == "":
		return Text{}, Text{}
	}
	known, ok := reasons[s.Reason]
	if !ok {
		return T("reason.other", "Code", strings.Join(append([]string{s.Reason}, s.ReasonArgs...), " ")), Text{}
	}
	return T(known.what, argsOf(s)...), T(known.do)
}

// argsOf names the arguments of the daemon's reason.
func argsOf(s control.Status) []any {
	switch s.Reason {
	case "success_too_low", "success_below_target":
		if len(s.ReasonArgs) == 2 {
			return []any{"Reached", s.ReasonArgs[0], "Wanted", s.ReasonArgs[1]}
		}
	}
	return []any{"Names", strings.Join(s.ReasonArgs, ", ")}
}

// failures are the causes of failed requests, by the codes of X-Millpond-Error.
var failures = map[string]sentence{
	"upstream_connect":      {"failure.connect", "advice.check_network"},
	"upstream_dns":          {"failure.dns", "advice.check_name"},
	"upstream_tls":          {"failure.tls", "advice.check_tls"},
	"upstream_closed":       {"failure.closed", "advice.ambiguous"},
	"upstream_reset":        {"failure.reset", "advice.ambiguous"},
	"upstream_protocol":     {"failure.protocol", "advice.check_protocol"},
	"upstream_timeout":      {"failure.timeout", "advice.raise_timeout"},
	"upstream_refused":      {"failure.refused", "advice.stream"},
	"credential_missing":    {"failure.credential", "advice.credential"},
	"client_body":           {"failure.client_body", ""},
	"client_cancelled":      {"failure.client_cancelled", ""},
	"malformed_request":     {"failure.malformed", ""},
	"shutting_down":         {"failure.draining", ""},
	"stream_idle":           {"failure.stream_idle", "advice.raise_stream_idle"},
	"pool_wait_timeout":     {"failure.pool_wait", "advice.raise_pool"},
	"pool_queue_full":       {"failure.pool_full", "advice.raise_pool"},
	"no_upstream":           {"failure.no_upstream", "advice.add_upstream"},
	"unknown_upstream":      {"failure.unknown_upstream", "advice.check_path"},
	"forward_refused":       {"failure.forward_refused", "advice.allow_forward"},
	"forward_disabled":      {"failure.forward_disabled", "advice.allow_forward"},
	"egress_auth":           {"failure.egress_auth", "advice.check_egress"},
	"egress_failed":         {"failure.egress_failed", "advice.check_egress"},
	"loop":                  {"failure.loop", "advice.check_loop"},
	"body_too_large":        {"failure.body_too_large", ""},
	"internal":              {"failure.internal", "advice.report"},
	"paused":                {"failure.paused", "advice.resume"},
	"draining":              {"failure.draining", ""},
	"host_not_allowed":      {"failure.host", "advice.allow_host"},
	"origin_not_allowed":    {"failure.origin", "advice.allow_origin"},
	"token_required":        {"failure.token", "advice.send_token"},
	"connect_not_supported": {"failure.connect_method", "advice.use_base_url"},
}

// answeredCode says that the upstream itself answered with an error.
const answeredCode = "upstream_status"

// failureOf says why a request failed and what to do. What the upstream itself
// answered goes by its status.
func failureOf(f control.Failure) (what, do Text) {
	if known, ok := failures[f.Code]; ok {
		return T(known.what), T(known.do)
	}
	switch {
	case f.Code != "" && f.Code != answeredCode:
		return T("failure.other", "Code", f.Code), Text{}
	case f.Outcome == "stream_error":
		return T("failure.stream"), T("advice.stream")
	case f.Status == 429:
		return T("failure.rate_limit"), T("advice.rate_limit")
	case f.Status == 529:
		return T("failure.overloaded"), T("advice.overloaded")
	case f.Status != 0:
		return T("failure.status", "Status", Count(int64(f.Status))), Text{}
	}
	return T("failure.other", "Code", f.Outcome), Text{}
}
