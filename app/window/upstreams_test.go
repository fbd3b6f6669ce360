package window

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"

	"millpond/app/model"
	"millpond/settings"
)

// upstreamScenes are those of the page where upstreams are changed.
func upstreamScenes() []scene {
	page := func(w *Window) *upstreamsPage { return w.pages[w.at].(*upstreamsPage) }
	tall := fyne.NewSize(920, 1000)
	empty := configured()
	empty.Upstreams, empty.Settings = nil, settings.Default()
	probed := func(p model.Probe) model.View {
		v := configured()
		v.Probe = p
		return v
	}
	const url = "https://api.anthropic.com"
	probe := func(result, detail string, steps ...string) model.Probe {
		p := model.Probe{Name: "anthropic", URL: url, Running: result == "", OK: result == "probe.ok", Detail: detail, Result: model.T(result, "Total", "291 ms")}
		for i, label := range []string{"probe.dns", "probe.connect", "probe.tls", "probe.first_byte", "probe.protocol"} {
			state, value, _ := strings.Cut(steps[i], " ")
			p.Steps = append(p.Steps, model.ProbeStep{Label: model.T(label), State: model.State(state), Value: value})
		}
		return p
	}
	underway := probe("", "", "on 12 ms", "on 21 ms", "loading …", "off", "off")
	fine := probe("probe.ok", "", "on 12 ms", "on 21 ms", "on 38 ms", "on 214 ms", "on HTTP/2")
	fine.Remarks = []model.Text{model.T("probe.status", "Status", "200"), model.T("probe.credential.accepted"),
		model.T("probe.certificate", "Version", "TLS 1.3", "Issuer", "WE1", "Until", "2027-01-02"), model.T("probe.remote", "Address", "203.0.113.7:443")}
	broken := probe("probe.failed.connect", "dial tcp 203.0.113.7:443: connect: connection refused", "on 12 ms", "failing –", "off –", "off –", "off –")
	return []scene{
		{name: "upstreams-on", page: model.PageUpstreams, view: configured()},
		{name: "upstreams-empty", page: model.PageUpstreams, view: empty},
		{name: "upstreams-absent", page: model.PageUpstreams, view: model.View{State: model.Absent, Headline: model.T("state.absent"), Reason: model.T("reason.not_running"), Advice: model.T("advice.start")}},
		{name: "upstreams-small", page: model.PageUpstreams, view: configured(), size: fyne.NewSize(720, 560)},
		{name: "upstreams-changed", page: model.PageUpstreams, view: configured(), act: func(_ *testing.T, w *Window) {
			w.edit.Draft().Remove("local")
			w.edit.Draft().Move("relay", -1)
			w.edit.changed()
		}},
		{name: "upstreams-edit", page: model.PageUpstreams, view: configured(), size: tall, act: func(_ *testing.T, w *Window) {
			page(w).edit("relay")
			w.edit.set("upstreams[relay].url", "htps://relay")
			w.edit.set("upstreams[relay].priority", "1")
		}},
		{name: "upstreams-add", page: model.PageUpstreams, view: configured(), size: tall, act: func(_ *testing.T, w *Window) {
			page(w).add()
			p := page(w).adding
			p.search.SetText("deepseek")
			p.found.rows[0].button.OnTapped()
		}},
		{name: "upstreams-leave", page: model.PageUpstreams, view: configured(), act: func(_ *testing.T, w *Window) {
			w.edit.Draft().Remove("local")
			w.edit.Draft().Move("relay", -1)
			w.edit.changed()
			w.Leave(func() {})
		}},
		{name: "upstreams-leave-form", page: model.PageUpstreams, view: configured(), act: func(_ *testing.T, w *Window) {
			page(w).add()
			page(w).adding.set(model.UpstreamPath(model.Fresh, model.UpstreamKeys()[0]), "mine")
			w.Leave(func() {})
		}},
		{name: "upstreams-testing", page: model.PageUpstreams, view: probed(underway)},
		{name: "upstreams-tested", page: model.PageUpstreams, view: probed(fine)},
		{name: "upstreams-broken", page: model.PageUpstreams, view: probed(broken)},
	}
}
