package app

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millpond/app/model"
)

// A stage is a window that notes the states that it was given.
type stage struct {
	mu     sync.Mutex
	states []model.State
}

func (s *stage) Show(v model.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, v.State)
}

func (s *stage) Run(context.Context, func())                    {}
func (s *stage) Adopt(func(model.Text) string, string)          {}
func (s *stage) Raise(context.Context, model.Page) (shown bool) { return false }

// A window waits for what it shows first, but not long.
func TestCurtain(t *testing.T) {
	on, absent, loading := model.View{State: model.On}, model.View{State: model.Absent}, model.Start()
	tests := []struct {
		name  string
		after time.Duration // until something is known
		want  []model.State
	}{
		{"known before", 0, []model.State{model.On, model.Absent}},
		{"known in time", curtainTime / 2, []model.State{model.On, model.Absent}},
		{"known too late", 2 * curtainTime, []model.State{model.Loading, model.On, model.Absent}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := newCurtain(), &stage{}
				told := make(chan struct{})
				go func() {
					defer close(told)
					c.show(loading)
					time.Sleep(test.after)
					c.show(on)
				}()
				synctest.Wait()
				c.rise(t.Context(), s)
				<-told
				c.show(absent)
				if !slices.Equal(s.states, test.want) {
					t.Errorf("got %v; want %v", s.states, test.want)
				}
			})
		})
	}
}
