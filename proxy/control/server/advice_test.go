package server

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"millpond/proxy/control"
)

func TestAdviceCrossesWhole(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	m := newMemory()
	m.advice = control.Advice{At: at, Since: at.Add(-time.Hour),
		Items: []control.Recommendation{{
			ID: "idle_slots", Code: "idle_slots", Sentence: "why", Figures: []control.Figure{{Key: "redials", Value: 12}},
			Patch:    []control.Change{{Key: "pool.max_idle", From: "2", To: "8"}},
			Expected: &control.Effect{Key: "dials_per_100", Before: 50, After: 1}, AppliedAt: &at, CanUndo: true,
		}},
		Missing: []control.Missing{{Code: "warm", Have: 3, Need: 50, Of: "requests"}},
	}
	path, _ := start(t, m)
	got, err := dial(t, path).Advice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m.advice) {
		t.Errorf("got %+v; want %+v", got, m.advice)
	}
}

func TestTakingAdvice(t *testing.T) {
	m := newMemory()
	m.advice = control.Advice{Items: []control.Recommendation{{ID: "idle_slots"}}}
	path, _ := start(t, m)
	c := dial(t, path)
	if err := c.ApplyAdvice(t.Context(), 1, "idle_slots"); err != nil {
		t.Fatal(err)
	}
	if err := c.UndoAdvice(t.Context(), 1, "idle_slots"); !errors.Is(err, control.ErrStale) {
		t.Errorf("from an old revision: got %v; want %v", err, control.ErrStale)
	}
	if err := c.UndoAdvice(t.Context(), 2, "idle_slots"); err != nil {
		t.Errorf("undo: %v", err)
	}
	var refused *control.Error
	if err := c.ApplyAdvice(t.Context(), 3, "other"); !errors.As(err, &refused) || refused.Status != 404 || refused.Code != control.CodeNoAdvice {
		t.Errorf("advice that there is not: got %v; want 404 and %s", err, control.CodeNoAdvice)
	}
	if err := c.ApplyAdvice(t.Context(), 3, ""); !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("without an id: got %v; want 400", err)
	}
}
