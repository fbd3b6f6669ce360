package replay

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// The rule, class by class, and each fact that forbids.
func TestDecide(t *testing.T) {
	post := Facts{Method: "POST", Body: BodyWhole}
	with := func(f Facts, change func(*Facts)) Facts { change(&f); return f }
	notSent := with(post, func(f *Facts) { f.NotSent = true })
	refused := with(post, func(f *Facts) { f.Refused = true })
	stale := with(post, func(f *Facts) { f.Reused = true })
	staleGet := with(stale, func(f *Facts) { f.Method = "GET" })
	for _, tt := range []struct {
		name string
		f    Facts
		made Made
		want Class
	}{
		{"nothing known", Facts{}, Made{MaxA: 2}, None},
		{"POST, nothing left", notSent, Made{MaxA: 2}, A},
		{"POST, nothing left, dial budget spent", notSent, Made{A: 2, MaxA: 2}, None},
		{"streamed body not touched", with(notSent, func(f *Facts) { f.Body = BodyUntouched }), Made{MaxA: 1}, A},
		{"streamed body touched", with(notSent, func(f *Facts) { f.Body = BodyGone }), Made{MaxA: 1}, None},
		{"certificate", with(notSent, func(f *Facts) { f.Lasting = true }), Made{MaxA: 2}, None},
		{"refused stream", refused, Made{}, B},
		{"refused a fourth time", refused, Made{B: 3}, None},
		{"refused, body not kept", with(refused, func(f *Facts) { f.Body = BodyUntouched }), Made{}, None},
		{"stale POST", stale, Made{MaxA: 2}, None},
		{"stale POST on an idempotent route", with(stale, func(f *Facts) { f.Idempotent = true }), Made{}, C},
		{"stale GET", staleGet, Made{}, C},
		{"stale GET twice", staleGet, Made{C: 1}, None},
		{"GET with part of an answer", with(staleGet, func(f *Facts) { f.Answered = true }), Made{}, None},
		{"GET on a new connection", with(staleGet, func(f *Facts) { f.Reused = false }), Made{}, None},
		{"stale PUT", with(stale, func(f *Facts) { f.Method = "PUT" }), Made{}, None},
		{"stale DELETE", with(stale, func(f *Facts) { f.Method = "DELETE" }), Made{}, None},
		{"answer begun", with(notSent, func(f *Facts) { f.Started = true }), Made{MaxA: 2}, None},
		{"client gone", with(notSent, func(f *Facts) { f.ClientGone = true }), Made{MaxA: 2}, None},
	} {
		if got := Decide(tt.f, tt.made); got != tt.want {
			t.Errorf("%s: class %q; want %q", tt.name, got, tt.want)
		}
	}
}

func TestAmbiguous(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    Facts
		want bool
	}{
		{"sent, no answer", Facts{Reused: true}, true},
		{"not sent", Facts{NotSent: true}, false},
		{"refused", Facts{Refused: true}, false},
		{"client gone", Facts{ClientGone: true}, false},
	} {
		if got := Ambiguous(tt.f); got != tt.want {
			t.Errorf("%s: %v; want %v", tt.name, got, tt.want)
		}
	}
}

// A fifth of the requests and ten a second, whatever comes first.
func TestBudget(t *testing.T) {
	now := time.Unix(1000, 0)
	b := NewBudget(now)
	take := func() (n int) {
		for b.Take(now) {
			n++
		}
		return n
	}
	if got := take(); got != 10 {
		t.Errorf("at first %d replays; want 10", got)
	}
	for range 100 {
		b.Request(now)
	}
	if got := take(); got != 20 && got != 19 { // 100 times 0.2 is a little under 20 in binary
		t.Errorf("after 100 requests %d replays; want 20", got)
	}
	now = now.Add(2 * time.Second)
	if got := take(); got < 19 || got > 21 {
		t.Errorf("after 2 s %d replays; want 20", got)
	}
	now = now.Add(time.Hour)
	if got := take(); got != budgetCap {
		t.Errorf("after an hour %d replays; want the cap, %d", got, budgetCap)
	}
}

func TestMemoryKeepsAndFreesBodies(t *testing.T) {
	var m Memory
	text := strings.Repeat("x", 5000)
	b, ok, err := m.Read(strings.NewReader(text+"rest"), 5000)
	if err != nil || !ok || string(b.Bytes) != text {
		t.Fatalf("read %d bytes, %v, %v; want 5000, true, nil", len(b.Bytes), ok, err)
	}
	if got := m.Used(); got != 8192 {
		t.Errorf("%d bytes in use; want 8192", got)
	}
	b.Free()
	b.Free()
	if got := m.Used(); got != 0 {
		t.Errorf("%d bytes in use after Free; want 0", got)
	}
}

func TestMemoryRefusesWhatIsTooLarge(t *testing.T) {
	var m Memory
	for _, n := range []int64{0, -1, MaxBody + 1} {
		if _, ok, err := m.Read(strings.NewReader("abc"), n); ok || err != nil {
			t.Errorf("length %d: kept %v, %v; want false, nil", n, ok, err)
		}
	}
	var held []Body
	for {
		b, ok, err := m.Read(bytes.NewReader(make([]byte, MaxBody)), MaxBody)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		held = append(held, b)
	}
	if got, want := len(held), MaxMemory/MaxBody; got != want {
		t.Errorf("kept %d of the largest bodies; want %d", got, want)
	}
	for i := range held {
		held[i].Free()
	}
}

func TestMemoryIsFreeAfterAPanic(t *testing.T) {
	var m Memory
	defer func() {
		if got := m.Used(); recover() == nil || got != 0 {
			t.Errorf("%d bytes in use; want 0 after a panic", got)
		}
	}()
	m.Read(nil, 10)
}

func TestMemoryReportsAShortBody(t *testing.T) {
	var m Memory
	_, ok, err := m.Read(strings.NewReader("abc"), 10)
	if !ok || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, %v; want true, unexpected EOF", ok, err)
	}
	if m.Used() != 0 {
		t.Errorf("%d bytes in use; want 0", m.Used())
	}
}
