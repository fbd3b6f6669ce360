package fast

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/hangup"
	"millpond/proxy/listener"
	"millpond/proxy/socket"
	"millpond/proxy/wire"
)

// readBuffer holds a head and a short body; others are read past it. It is small, as many requests
// may come while the garbage collector makes their readers wait.
const readBuffer = 4 << 10

var readBuffers = socket.NewBuffers(readBuffer)

// The phases of a connection, for those who watch it.
const (
	idle    int32 = iota // between requests, with no byte of the next
	reading              // a request, or writing what is left of an answer
	waiting              // the request was read to its end, and an upstream is at work
	ended                // nothing is read any more
)

// past is a deadline that makes a Read return at once.
var past = time.Unix(1, 0)

// A conn is one client's connection.
type conn struct {
	// constant
	f      *Front
	nc     *socket.Conn
	id     uint64 // for the watcher
	remote string
	born   int64           // Unix nanoseconds
	ctx    context.Context // client, but in tests
	client presence        // ends when the client leaves

	// of the goroutine that serves it, or reads the body for it
	buf     *[]byte       // nil while nothing is buffered
	r, w    int           // unread part of buf
	head    *wire.Request // from when it was read to when the request was made of it
	request exchange.Request
	fields  *wire.Header // the memory of request.Header; nil between requests
	body    body
	unblock func() // of body
	answer  answer
	gone    bool // handed over

	// of whoever watches, too
	due    atomic.Int64 // when reading is given up, by the front's clock; 0 for never
	phase  atomic.Int32
	more   atomic.Bool // bytes behind the request are buffered, so that a client that hangs up has not left
	hungUp atomic.Bool
	used   atomic.Bool // carried a request
}

// newConn returns nil when it could not be told that the client leaves.
func newConn(ctx context.Context, f *Front, nc net.Conn) *conn {
	s, err := socket.New(nc)
	if err != nil {
		return nil
	}
	c := &conn{f: f, nc: s, id: f.ids.Add(1), remote: nc.RemoteAddr().String(), born: time.Now().UnixNano()}
	c.body.c, c.answer.c = c, c
	c.unblock = c.body.unblock
	c.client.values, c.ctx = ctx, &c.client
	if f.wrap != nil {
		c.ctx = f.wrap(c.ctx)
	}
	if !f.look && !f.watcher.Add(c.id, s.Sys(), c) {
		return nil
	}
	return c
}

// serve carries requests until the connection ends or is handed over.
func (c *conn) serve() {
	defer c.end()
	defer c.f.rescue(c.remote)
	for c.next() {
	}
}

func (c *conn) end() {
	c.phase.Store(ended)
	c.f.forget(c)
	c.client.leave()
	c.r = c.w
	c.release()
	c.answer.drop()
	if !c.gone {
		c.nc.Close()
	}
}

// next carries one request and reports whether another may follow.
func (c *conn) next() bool {
	n, err := c.readHead()
	switch err.(type) { // errors.As allocates
	case nil:
	case *wire.SyntaxError:
		c.handOver(malformed)
		return false
	default:
		return false // the client left, or took too long; or we end
	}
	framing, why := judgeHead(c.head)
	st := c.f.Exchange.State()
	if why == common && !st.Settings.Listen.Fast {
		why = off
	}
	if why == common {
		c.take(framing)
		if !c.admitted(st) {
			c.forgetRequest()
			why = refused
		}
	}
	c.forgetHead()
	if why != common {
		c.handOver(why)
		return false
	}
	c.r += n
	return c.carry(st, framing)
}

// readHead reads until a head is buffered, and returns its length.
func (c *conn) readHead() (int, error) {
	scanned, ready := 0, false
	for timed := false; ; {
		if scanned, ready = wire.HeadReady(c.buffered(), scanned); ready {
			c.head = heads.Get().(*wire.Request)
			n, err := wire.ParseRequest(c.buffered(), c.head)
			if err == nil {
				return n, nil
			}
			c.forgetHead()
			if err != wire.ErrShort {
				return 0, err
			}
		}
		switch {
		case c.r == c.w:
			if !c.rest() {
				return 0, net.ErrClosed
			}
		case !timed:
			c.within(headTime)
			timed = true
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
		if !c.begun() {
			return 0, net.ErrClosed
		}
	}
}

// rest says that the connection is idle. It reports false when it was ended meanwhile.
func (c *conn) rest() bool {
	c.within(idleTime)
	return c.phase.CompareAndSwap(reading, idle) || c.phase.Load() == idle
}

// begun says that a request has begun.
func (c *conn) begun() bool {
	return c.phase.CompareAndSwap(idle, reading) || c.phase.Load() == reading
}

// within gives reading so much time.
func (c *conn) within(d time.Duration) { c.due.Store(c.f.clock.Load() + int64(d)) }

func (c *conn) buffered() []byte {
	if c.buf == nil {
		return nil
	}
	return (*c.buf)[c.r:c.w]
}

// fill reads once behind what is buffered. A full buffer, which only a head can cause,
// grows up to the limit of heads.
func (c *conn) fill() error {
	if c.r == c.w { // while it waits there is no buffer at all
		c.release()
		buf, n, err := c.nc.ReadInto(readBuffers)
		c.buf, c.r, c.w = buf, 0, n
		return err
	}
	if c.w == len(*c.buf) {
		if c.r > 0 {
			c.w = copy(*c.buf, (*c.buf)[c.r:c.w])
			c.r = 0
		} else {
			bigger := make([]byte, min(2*len(*c.buf), wire.MaxHead+readBuffer))
			copy(bigger, *c.buf)
			c.buf = &bigger
		}
	}
	n, err := c.nc.Read((*c.buf)[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// release gives the buffer back when nothing is in it.
func (c *conn) release() {
	if c.buf != nil && c.r == c.w {
		readBuffers.Put(c.buf)
		c.buf, c.r, c.w = nil, 0, 0
	}
}

// take makes the request of the head.
func (c *conn) take(framing wire.Framing) {
	c.fields = headers.Get().(*wire.Header)
	c.fields.Fill(c.head.Fields)
	host := c.fields.Get("Host")
	c.fields.Del("Host")
	c.request = exchange.Request{
		Method: methodName(c.head.Method), Target: string(c.head.Target), Host: host, Header: *c.fields,
		Length: framing.Length, RemoteAddr: c.remote, Arrived: time.Now(), Unblock: c.unblock,
	}
}

// heads are the memory of heads being read.
var heads = sync.Pool{New: func() any { return new(wire.Request) }}

// forgetHead gives the head's memory back.
func (c *conn) forgetHead() {
	c.head.Forget()
	heads.Put(c.head)
	c.head = nil
}

// headers are the memory of requests' headers.
var headers = sync.Pool{New: func() any { return new(wire.Header) }}

// forgetRequest gives the request's memory back. Nobody refers to it any more.
func (c *conn) forgetRequest() {
	clear(c.request.Header) // which may have grown
	*c.fields = c.request.Header[:0]
	c.request = exchange.Request{}
	headers.Put(c.fields)
	c.fields = nil
}

// methodName makes no string of the usual methods.
func methodName(b []byte) string {
	switch string(b) {
	case "POST":
		return "POST"
	case "GET":
		return "GET"
	}
	return string(b)
}

// admitted reports whether the gate lets the request in. What it says of others, the
// other front will hear.
func (c *conn) admitted(st *exchange.State) bool {
	r := &c.request
	return st.Gate.Check(listener.View{Method: r.Method, Target: r.Target, Host: r.Host, Header: r.Header, RemoteAddr: r.RemoteAddr}) == nil
}

// carry has the exchange answer the request, and reports whether another may follow.
func (c *conn) carry(st *exchange.State, framing wire.Framing) bool {
	c.used.Store(true)
	c.f.counts.carried.Add(1)
	c.answer.reset(c.request.Method, framing.KeepAlive)
	c.body.reset(framing.Length)
	if framing.Length > 0 {
		c.request.Body = &c.body
	} else {
		c.wait()
	}
	whole := c.f.Exchange.Do(c.ctx, st, &c.request, &c.answer)
	c.forgetRequest()
	if !whole || !c.answer.finish() || !c.body.leave() {
		return false
	}
	c.phase.CompareAndSwap(waiting, reading)
	return !c.answer.closing
}

// wait says that the request was read to its end.
func (c *conn) wait() {
	c.due.Store(0)
	c.release()
	c.more.Store(c.buf != nil)
	c.phase.CompareAndSwap(reading, waiting)
	if c.hungUp.Load() {
		c.left()
	}
}

// handOver leaves the connection to the other front.
func (c *conn) handOver(why reason) {
	c.f.forget(c)
	c.gone = true
	read := append([]byte(nil), c.buffered()...)
	c.r = c.w
	c.f.handOver(why, listener.Resume(c.nc.Conn, read, c.used.Load()))
}

// HungUp is told by the watcher that the client sends nothing more.
func (c *conn) HungUp() {
	c.hungUp.Store(true)
	c.left()
}

// left ends the request under way if the client has left: it hung up, and nothing that
// it sent is unread. While a request is being read, reading will tell.
func (c *conn) left() {
	if c.phase.Load() == waiting && !c.more.Load() && hangup.Peek(c.nc.Sys()) == hangup.Closed {
		c.client.leave()
	}
}

// lookAt is for systems that do not tell that a client left.
func (c *conn) lookAt() {
	if c.phase.Load() == waiting && !c.more.Load() && hangup.Peek(c.nc.Sys()) == hangup.Closed {
		c.HungUp()
	}
}

// expire ends the reading of what took too long.
func (c *conn) expire(now int64) {
	if due := c.due.Load(); due != 0 && now > due {
		c.nc.SetReadDeadline(past)
	}
}

// endIdle closes the connection if no request is under way, nor to be expected.
func (c *conn) endIdle() {
	if time.Now().UnixNano()-c.born < int64(freshFor) && !c.used.Load() {
		return
	}
	if c.phase.CompareAndSwap(idle, ended) {
		c.nc.SetReadDeadline(past)
	}
}

// cut ends the request under way, by force.
func (c *conn) cut() {
	c.phase.Store(ended)
	c.nc.Close()
	c.client.leave()
}
