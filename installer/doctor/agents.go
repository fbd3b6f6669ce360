package doctor

import (
	"context"
	"slices"
	"strings"

	"millpond/installer/hookup"
)

// asideFrom are the warnings that go with being connected and were told then.
var asideFrom = []string{"remote_control"}

// checkAgents looks where the agents' settings lead.
func checkAgents(_ context.Context, v *visit) []Finding {
	address := v.address()
	h, err := hookup.New(hookup.Config{Getenv: v.getenv, StateDir: v.StateDir})
	if address == "" || err != nil {
		return nil // the settings were told of already, and without a home there are no agents
	}
	var findings []Finding
	var connected, others []string
	for _, c := range h.Clients() {
		if !c.Editable() {
			continue
		}
		state, err := h.State(c.ID, address)
		switch {
		case err != nil:
			findings = append(findings, problem("Correct "+state.File+"; the agent cannot read it either.", "the settings of %s: %v", c.Title, err)...)
		case state.Status == hookup.Connected:
			connected = append(connected, c.Title)
			for _, w := range state.Warnings {
				if slices.Contains(asideFrom, w.Code) {
					continue
				}
				findings = append(findings, warn(`If that is not meant, take it back with "millpondd disconnect `+c.ID+`".`, "%s: %s", c.Title, w.Sentence)...)
			}
		case state.Status == hookup.Elsewhere && state.Ours:
			findings = append(findings, problem(`Connect it anew with "millpondd connect `+c.ID+`".`,
				"%s was connected, and its %s leads to %s, where the proxy is not", c.Title, state.Key, *state.Value)...)
		case state.Status == hookup.Elsewhere, state.Status == hookup.NotConnected:
			others = append(others, c.Title)
		}
	}
	if len(connected) > 0 {
		findings = append(findings, ok("they go through the proxy: %s", strings.Join(connected, ", "))...)
	}
	if len(others) > 0 {
		findings = append(findings, ok("they do not go through the proxy: %s (\"millpondd connect\" shows how)", strings.Join(others, ", "))...)
	}
	if len(findings) == 0 {
		return ok("no agent is installed that could be connected by command")
	}
	return findings
}

// address returns where the proxy is, or would be; "" when that is not known.
func (v *visit) address() string {
	if address := v.serving(); address != "" {
		return loopback(address)
	}
	if s := v.settings(); s != nil {
		return loopback(s.Listen.Address)
	}
	return ""
}
