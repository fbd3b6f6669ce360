package model

import (
	"math"
	"time"

	"millpond/proxy/control"
)

// A Probe is a test of an upstream, while it runs and when it has ended. The zero
// value is of none.
type Probe struct {
	Name    string // of the upstream
	URL     string
	Running bool
	Steps   []ProbeStep
	Result  Text   // what came of it; empty while it runs
	OK      bool   // it answered as it should
	Detail  string // the cause in English; may be empty
	Remarks []Text // what else was found
}

// A ProbeStep is one step of a test.
type ProbeStep struct {
	Label Text
	State State  // Loading while it is taken, On, Failing, or Off when it was not
	Value string // how long it took, or what was found
}

// probeSteps are the steps that take time, in their order, with the words for them.
var probeSteps = [...]struct{ name, label, failed string }{
	{control.StepDNS, "probe.dns", "probe.failed.dns"},
	{control.StepConnect, "probe.connect", "probe.failed.connect"},
	{control.StepTLS, "probe.tls", "probe.failed.tls"},
	{control.StepAnswer, "probe.first_byte", "probe.failed.answer"},
}

// ProbeStart is a test that has just begun.
func ProbeStart(name, url string) Probe {
	return ProbeAt(name, url, control.ProbeProgress{})
}

// ProbeAt is a test that has come so far.
func ProbeAt(name, url string, at control.ProbeProgress) Probe {
	p := Probe{Name: name, URL: url, Running: true}
	times := [...]*float64{at.DNS, at.Connect, at.Handshake, at.FirstByte}
	for i, s := range probeSteps {
		step := ProbeStep{Label: T(s.label), State: Off}
		switch {
		case times[i] != nil:
			step.State, step.Value = On, took(*times[i])
		case s.name == at.Step, at.Step == control.StepRequest && s.name == control.StepAnswer:
			step.State, step.Value = Loading, "…"
		}
		p.Steps = append(p.Steps, step)
	}
	p.Steps = append(p.Steps, ProbeStep{Label: T("probe.protocol"), State: Off})
	return p
}

// took formats the time of a step, which may be too short to be seen.
func took(ms float64) string { return Millis(math.Max(ms, 0.1)) }

// ProbeEnd is a test that has ended.
func ProbeEnd(name, url string, r control.ProbeReport, now time.Time) Probe {
	p := ProbeAt(name, url, control.ProbeProgress{DNS: r.DNS, Connect: r.Connect, Handshake: r.Handshake, FirstByte: r.FirstByte})
	p.Running, p.OK = false, r.OK
	last := &p.Steps[len(p.Steps)-1]
	last.Value = None
	if r.Protocol != "" {
		last.State, last.Value = On, protocolOf(r.Protocol)
	}
	for i, s := range probeSteps {
		if s.name == r.Failed || r.Failed == control.StepRequest && s.name == control.StepAnswer {
			p.Steps[i].State = Failing
		}
		if p.Steps[i].Value == "" {
			p.Steps[i].Value = None
		}
	}
	p.Result = T("probe.ok", "Total", Millis(r.Total))
	if !r.OK {
		p.Result, p.Detail = T(failedStep(r.Failed)), r.Problem
	}
	p.Remarks = remarksOf(r, now)
	return p
}

// failedStep says what failed and what to do.
func failedStep(step string) string {
	for _, s := range probeSteps {
		if s.name == step {
			return s.failed
		}
	}
	if step == control.StepCredential {
		return "probe.failed.credential"
	}
	return "probe.failed.answer"
}

// credentials say what became of the credential.
var credentials = map[string]string{
	control.CredentialAccepted:    "probe.credential.accepted",
	control.CredentialNotNeeded:   "probe.credential.not_needed",
	control.CredentialPassThrough: "probe.credential.pass_through",
	control.CredentialRefused:     "probe.credential.refused",
	control.CredentialUnreadable:  "probe.credential.unreadable",
}

// certificateWarning is how long before its end a certificate is worth a remark.
const certificateWarning = 14 * 24 * time.Hour

// remarksOf says what else a test found.
func remarksOf(r control.ProbeReport, now time.Time) []Text {
	var list []Text
	if r.Status != 0 {
		list = append(list, T("probe.status", "Status", Count(int64(r.Status))))
	}
	if key, ok := credentials[r.Auth]; ok {
		list = append(list, T(key))
	}
	if r.TLS != nil {
		list = append(list, T("probe.certificate", "Version", r.TLS.Version, "Issuer", r.TLS.Issuer, "Until", r.TLS.Expires.Format(time.DateOnly)))
		if r.TLS.Expires.Sub(now) < certificateWarning {
			list = append(list, T("probe.certificate_ends"))
		}
	}
	if r.Remote != "" {
		list = append(list, T("probe.remote", "Address", r.Remote))
	}
	return list
}

// ProbeFailed is a test that could not be made.
func ProbeFailed(name, url string, err error) Probe {
	return Probe{Name: name, URL: url, Result: T("probe.not_made"), Detail: err.Error()}
}
