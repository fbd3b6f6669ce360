package hookup

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Config says where to look. Every field is required.
type Config struct {
	Getenv   func(string) string // the person's environment
	StateDir string              // our state folder; made when it is needed
}

// A Hookup edits the settings of the clients of one person. Use New. It is safe for use by several
// goroutines and several programs at one time.
type Hookup struct {
	getenv func(string) string
	home   string
	state  string
}

// New returns a Hookup. It reads nothing yet.
func New(c Config) (*Hookup, error) {
	variable := "HOME"
	if runtime.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	home := c.Getenv(variable)
	if home == "" {
		return nil, fmt.Errorf("find the clients' settings: %s is not set", variable)
	}
	return &Hookup{getenv: c.Getenv, home: home, state: c.StateDir}, nil
}

// Clients returns every client that we know of, in the order in which they are offered, with their
// files on this machine.
func (h *Hookup) Clients() []Client {
	list := clients()
	for i, c := range list {
		if c.Editable() {
			for _, at := range c.locate(h) {
				list[i].Keys = append(list[i].Keys, at.key())
			}
			list[i].File = c.locate(h)[0].file
		}
	}
	return list
}

// State tells where a client's settings lead, seen from our address (host:port, or a URL). An error
// other than [ErrUnknown] comes with the status [Unreadable].
func (h *Hookup) State(id, address string) (State, error) {
	s := State{Client: id, Status: ByHand, Warnings: []Warning{}}
	c, err := h.client(id)
	if err != nil || !c.Editable() {
		return s, err
	}
	at := c.locate(h)[0]
	s.File, s.Key = at.file, at.key()
	e, err := h.open(c, at)
	if err != nil {
		s.Status = Unreadable
		return s, err
	}
	s.Status = NotConnected
	switch {
	case e.set && leadsTo(e.now.Text, address):
		s.Status = Connected
		s.Warnings = append(s.Warnings, c.warn(h, at)...)
	case e.set:
		s.Status = Elsewhere
	case !h.installed(c, at):
		s.Status = NotInstalled
	}
	if e.set {
		s.Value = &e.now.Text
	}
	if s.Ours = e.ours(); s.Ours {
		s.Restores = e.before()
	}
	return s, nil
}

// Plan tells what [Hookup.Connect] would change, and changes nothing.
func (h *Hookup) Plan(id, address string) (Changes, error) {
	_, changes, err := h.planConnect(id, address)
	return changes, err
}

// Connect points a client at our address: host:port or a URL, with a path such as /u/NAME to lead to
// one upstream. A client that leads there already is left as it is.
func (h *Hookup) Connect(id, address string) (Changes, error) {
	unlock, err := h.lock()
	if err != nil {
		return Changes{Client: id}, err
	}
	defer unlock()
	edits, changes, err := h.planConnect(id, address)
	for _, edit := range edits {
		if err == nil {
			err = edit()
		}
	}
	return changes, err
}

// PlanDisconnect tells what [Hookup.Disconnect] would change, and changes nothing.
func (h *Hookup) PlanDisconnect(id, address string) (Changes, error) {
	return h.disconnect(id, address, false)
}

// Disconnect puts back what a client's settings held before Connect. A key that the person changed
// since is left, and told in Kept. One that leads to our address without a record of ours, written by
// hand then, is taken away.
func (h *Hookup) Disconnect(id, address string) (Changes, error) {
	unlock, err := h.lock()
	if err != nil {
		return Changes{Client: id}, err
	}
	defer unlock()
	return h.disconnect(id, address, true)
}

// installed reports whether the client's folder or its program is there.
func (h *Hookup) installed(c Client, at place) bool {
	if exists(at.home) || exists(at.file) {
		return true
	}
	for _, dir := range filepath.SplitList(h.getenv("PATH")) {
		if _, err := exec.LookPath(filepath.Join(dir, c.program)); err == nil && dir != "" {
			return true
		}
	}
	return false
}

// baseOf returns an address as the beginning of a URL.
func baseOf(address string) string {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	return strings.TrimRight(address, "/")
}

// leadsTo reports whether a URL leads to the proxy at an address, by any of its paths.
func leadsTo(text, address string) bool {
	one, errOne := url.Parse(text)
	two, errTwo := url.Parse(baseOf(address))
	if errOne != nil || errTwo != nil || !strings.EqualFold(one.Scheme, two.Scheme) {
		return false
	}
	return portOf(one) == portOf(two) &&
		(strings.EqualFold(one.Hostname(), two.Hostname()) || isLoopback(one.Hostname()) && isLoopback(two.Hostname()))
}

// portOf returns the port of a URL, that of its scheme when it names none.
func portOf(u *url.URL) string {
	return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)])
}

// isLoopback reports whether a host is this machine by a name or an address of the loopback.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
