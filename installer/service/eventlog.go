package service

import (
	"bytes"
	"io"
)

// EventLog returns Windows' event log for a daemon that Windows runs as a service, whose stderr nobody
// sees; nil everywhere else. It wants lines as systemd's journal does, with their level in front
// (sd-daemon(3)), and keeps errors and warnings alone: every request is a line, and the log file has them.
func EventLog() io.Writer { return eventLog() }

// leveled hands lines to a log that knows levels.
type leveled struct {
	failure, warning func(text string)
}

// Write takes whole lines, as many as were collected.
func (l leveled) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSpace(line)
		if text, ok := bytes.CutPrefix(line, []byte("<3>")); ok {
			l.failure(string(text))
		} else if text, ok := bytes.CutPrefix(line, []byte("<4>")); ok {
			l.warning(string(text))
		}
	}
	return len(lines), nil
}
