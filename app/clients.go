package app

import (
	"fmt"
	"os"
	"path/filepath"

	"millpond/app/model"
	"millpond/installer/hookup"
	"millpond/settings"
)

// usualAddress is where the proxy listens unless it is told otherwise.
func (c Config) usualAddress() string { return settings.Default().Listen.Address }

// hookup returns what edits the agents' settings.
func (c Config) hookup() (*hookup.Hookup, error) {
	return hookup.New(hookup.Config{Getenv: os.Getenv, StateDir: c.State})
}

// clientFacts lists the programs that can be pointed at an address of ours.
func (c Config) clientFacts(address string) []model.ClientFacts {
	h, err := c.hookup()
	if err != nil {
		c.Log.Error("the agents are not listed", "err", err)
		return nil
	}
	var list []model.ClientFacts
	for _, client := range h.Clients() {
		list = append(list, factsOf(h, client, address))
	}
	return list
}

// factsOf looks at one client, and at what a click would change.
func factsOf(h *hookup.Hookup, client hookup.Client, address string) model.ClientFacts {
	state, err := h.State(client.ID, address)
	f := model.ClientFacts{
		ID: client.ID, Title: client.Title, Kind: client.Kind, File: client.File, Status: string(state.Status),
	}
	if state.Value != nil {
		f.Value = *state.Value
	}
	for _, l := range client.Lines(address) {
		f.Lines = append(f.Lines, model.ClientLine{Name: l.Name, Value: l.Value})
	}
	warnings := state.Warnings
	if err == nil && client.Editable() {
		var changes hookup.Changes
		if changes, err = planOf(h, state, address); err == nil {
			f.Plan = model.ClientPlan{Creates: changes.Creates, Removes: changes.Removes,
				Changes: changesOf(client, changes.Changes), Kept: changesOf(client, changes.Kept)}
			warnings = append(warnings, changes.Warnings...)
		}
	}
	seen := map[string]bool{}
	for _, w := range warnings {
		if !seen[w.Code] {
			seen[w.Code] = true
			f.Warnings = append(f.Warnings, model.ClientWarning{Code: w.Code, Sentence: w.Sentence})
		}
	}
	if err != nil {
		f.Bad = err.Error()
	}
	return f
}

// planOf returns what a click would change: it disconnects a client that is connected.
func planOf(h *hookup.Hookup, s hookup.State, address string) (hookup.Changes, error) {
	if s.Status == hookup.Connected {
		return h.PlanDisconnect(s.Client, address)
	}
	return h.Plan(s.Client, address)
}

// changesOf gives changes to the model. A key in another file than the client's first is told by both.
func changesOf(client hookup.Client, list []hookup.Change) []model.ClientChange {
	var changes []model.ClientChange
	for _, c := range list {
		key := c.Key
		if c.File != client.File {
			key = filepath.Base(c.File) + ": " + key
		}
		changes = append(changes, model.ClientChange{Key: key, Before: c.Before, After: c.After})
	}
	return changes
}

// connect points a client at an address of ours, or takes that back.
func (c Config) connect(id, address string, on bool) error {
	h, err := c.hookup()
	if err != nil {
		return err
	}
	if on {
		_, err = h.Connect(id, address)
	} else {
		_, err = h.Disconnect(id, address)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	return nil
}
