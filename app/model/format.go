package model

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// None stands where there is no number yet.
const None = "–"

// Count formats a number of things with its thousands apart: 1,234,567.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

// Percent formats a share from 0 to 100 with at most one decimal. It rounds
// down, so that 100% is said only when nothing is missing.
func Percent(p float64) string {
	if math.IsNaN(p) {
		return None
	}
	tenths := math.Floor(p*10 + 1e-6)
	return strings.TrimSuffix(strconv.FormatFloat(tenths/10, 'f', 1, 64), ".0") + "%"
}

// Millis formats a time in milliseconds as a person reads it: 3.4 ms, 250 ms,
// 1.2 s, 2 min 05 s. Zero means that nothing was measured.
func Millis(ms float64) string {
	switch {
	case ms <= 0 || math.IsNaN(ms):
		return None
	case ms < 9.95:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 999.5:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	case ms < 59_950:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	}
	s := int64(math.Round(ms / 1000))
	return strconv.FormatInt(s/60, 10) + " min " + pad(s%60) + " s"
}

// pad writes n with two digits at least.
func pad(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Ago says how long ago something was.
func Ago(at, now time.Time) Text {
	switch d := now.Sub(at); {
	case d < 5*time.Second: // or a little in the future, by a clock that was set
		return T("ago.now")
	case d < time.Minute:
		return T("ago.seconds", "N", whole(d, time.Second))
	case d < time.Hour:
		return T("ago.minutes", "N", whole(d, time.Minute))
	case d < 48*time.Hour:
		return T("ago.hours", "N", whole(d, time.Hour))
	default:
		return T("ago.days", "N", whole(d, 24*time.Hour))
	}
}

// AgoMinutes says how long ago something was, to the minute, for what should not
// change every second.
func AgoMinutes(at, now time.Time) Text {
	if now.Sub(at) < time.Minute {
		return T("ago.now")
	}
	return Ago(at, now)
}

// whole returns how many whole units d has.
func whole(d, unit time.Duration) string { return strconv.FormatInt(int64(d/unit), 10) }
