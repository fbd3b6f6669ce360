package window

import (
	"testing"

	"fyne.io/fyne/v2"

	"millpond/app/model"
	"millpond/settings"
)

// configured is a view of a proxy that works, with settings to change.
func configured() model.View {
	v := running()
	s := settings.Default()
	for i, u := range v.Upstreams {
		s.Upstreams = append(s.Upstreams, settings.Upstream{
			Name: u.Name, Kind: settings.KindAnthropic, URL: u.URL, Enabled: u.State != model.Off, Priority: i + 1, Weight: 1,
		})
		v.Upstreams[i].Learned, v.Upstreams[i].Protocol = model.T("learned.unknown"), model.None
		v.Upstreams[i].Reuse, v.Upstreams[i].Dials = model.None, "0"
	}
	v.Advised = model.AdviceView{Known: true, List: advised()}
	own := 40
	s.Upstreams[1].Pool.MaxConnectionsPerHost = &own
	v.Upstreams[0].Learned, v.Upstreams[0].Protocol = model.T("value.plain", "Value", "6 min 38 s"), "HTTP/2"
	v.Upstreams[0].Reuse, v.Upstreams[0].Dials = "98.6%", "31"
	v.Settings, v.Revision = s, 7
	return v
}

// advised is one piece of advice that can be taken, and one that was.
func advised() model.AdviceList {
	return model.AdviceList{
		Items: []model.AdviceItem{
			{ID: "idle_slots:anthropic", Upstream: "anthropic", CanApply: true, Title: model.T("advice.title.idle_slots"),
				Found: model.T("advice.found.idle_slots", "Redials", "1,240", "Requests", "3,200", "BurstWidth", "32", "IdleSlots", "20", "HandshakeTotal", "41.3 s"),
				Do:    model.T("advice.do.idle_slots"), Effect: model.T("advice.expected", "Effect", model.T("advice.effect.dials_per_100", "Before", "38.7", "After", "1")),
				Changes: []model.AdviceChange{{Key: "pool.max_idle_per_host", From: "20", To: "48"}}},
			{ID: "limit_queue", CanUndo: true, Title: model.T("advice.title.limit_queue"), Applied: model.T("advice.applied", "When", model.T("ago.minutes", "N", "12")),
				Found:   model.T("advice.found.limit_queue", "Queued", "410", "Requests", "3,200", "Wait", "84 ms", "Limit", "20", "BurstWidth", "32"),
				Do:      model.T("advice.do.limit_queue"),
				Effect:  model.T("advice.measured", "Effect", model.T("advice.effect.queued_per_100", "Before", "12.8", "After", "0")),
				Changes: []model.AdviceChange{{Key: "pool.max_connections_per_host", From: "20", To: "64"}}},
		},
		Missing: []model.Text{model.T("advice.missing.requests", "About", model.T("advice.title.warm"), "Have", "12", "Need", "50")},
	}
}

// poolScenes are those of the page where connections are limited.
func poolScenes() []scene {
	typed := func(path, text string) func(*testing.T, *Window) {
		return func(_ *testing.T, w *Window) { w.edit.set(path, text) }
	}
	absent := model.View{State: model.Absent, Headline: model.T("state.absent"), Reason: model.T("reason.not_running"), Advice: model.T("advice.start")}
	unadvised := configured()
	unadvised.Advised = model.AdviceView{Known: true, Note: model.T("advice.none")}
	return []scene{
		{name: "pool-unadvised", page: model.PagePool, view: unadvised},
		{name: "pool-on", page: model.PagePool, view: configured()},
		{name: "pool-loading", page: model.PagePool, view: model.Start()},
		{name: "pool-absent", page: model.PagePool, view: absent},
		{name: "pool-tall", page: model.PagePool, view: configured(), size: fyne.NewSize(1100, 1700)},
		{name: "pool-changed", page: model.PagePool, view: configured(), act: typed("pool.preset", "fan-out")},
		{name: "pool-wrong", page: model.PagePool, view: configured(), size: fyne.NewSize(920, 1300), act: typed("pool.max_connections", "200000")},
		{name: "pool-small", page: model.PagePool, view: configured(), size: fyne.NewSize(720, 560), act: typed("pool.max_waiting", "40")},
		{name: "pool-upstream", page: model.PagePool, view: configured(), size: fyne.NewSize(920, 1300), act: func(_ *testing.T, w *Window) {
			w.pages[w.at].(*poolPage).form.owner.chosen("relay")
		}},
	}
}
