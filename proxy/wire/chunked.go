package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// MaxTrailer is the size in bytes of the largest trailer section accepted.
const MaxTrailer = 64 << 10

// maxExtension is how many bytes of chunk extensions a whole body may have:
// 4 KiB less the longest size and its CRLF, so that no line is longer than
// net/http reads (4096 bytes). RFC 9112, section 7.1.1 asks for a limit.
const maxExtension = 4<<10 - 16 - 2

// A Chunked decodes one chunked body, given in pieces of any size: RFC 9112,
// section 7.1. The zero value is ready. It keeps nothing of the body, and of
// the trailer section a copy.
type Chunked struct {
	state   chunkState
	digits  int    // of the size being read
	left    int64  // size being read, then bytes of data to come
	ext     int    // bytes of extensions so far, in the whole body
	section []byte // the trailer section so far
	trailer []Field
	err     error
}

type chunkState uint8

const (
	chunkSize      chunkState = iota // in the digits of a size
	chunkExtension                   // after the semicolon
	chunkSizeLF                      // at the LF that ends the size line
	chunkData                        // in the data
	chunkDataCR                      // at the CR after the data
	chunkDataLF                      // at the LF after the data
	chunkTrailer                     // in the trailer section
	chunkDone                        // after it
)

// Decode reads from src, which continues where the last call left off, and
// returns how many bytes of it were used and the first run of data among them,
// a slice of src. It stops after a run of data and before the trailer section,
// so call it until everything is consumed. After the trailer section it returns
// io.EOF: what follows consumed belongs to the next message. Any other error is
// a *SyntaxError and final.
func (c *Chunked) Decode(src []byte) (consumed int, data []byte, err error) {
	for consumed < len(src) && c.err == nil {
		switch c.state {
		case chunkData:
			n := int(min(c.left, int64(len(src)-consumed)))
			data = src[consumed : consumed+n]
			if c.left -= int64(n); c.left == 0 {
				c.state = chunkDataCR
			}
			return consumed + n, data, nil
		case chunkTrailer:
			n, what := c.readTrailer(src[consumed:])
			if consumed += n; what != "" {
				c.err = refuse(-1, what)
			}
		default:
			if what := c.step(src[consumed]); what != "" {
				c.err = refuse(-1, what)
				return consumed, nil, c.err
			}
			consumed++
			if c.state == chunkTrailer {
				return consumed, nil, nil
			}
		}
	}
	return consumed, nil, c.err
}

// Trailer returns the trailer fields after Decode returned io.EOF, without
// those that may not stand in a trailer (see ForbiddenTrailer). They are valid
// until Reset.
func (c *Chunked) Trailer() []Field { return c.trailer }

// Reset makes c ready for another body. It keeps its buffers.
func (c *Chunked) Reset() {
	*c = Chunked{section: c.section[:0], trailer: c.trailer[:0]}
}

// step takes one byte of a size line or of the CRLF after data.
func (c *Chunked) step(b byte) (what string) {
	switch c.state {
	case chunkSize:
		return c.stepSize(b)
	case chunkExtension:
		switch c.ext++; {
		case b == '\r':
			c.state = chunkSizeLF
		case class[b]&textByte == 0:
			return "control byte in a chunk extension"
		case c.ext > maxExtension:
			return "chunk extensions are too long"
		}
	case chunkSizeLF:
		if b != '\n' {
			return "bare CR in a chunk size"
		}
		if c.state = chunkData; c.left == 0 {
			c.state = chunkTrailer
		}
	case chunkDataCR:
		if b != '\r' {
			return "chunk is longer than its size"
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return "bare CR after a chunk"
		}
		c.state, c.digits, c.left = chunkSize, 0, 0
	}
	return ""
}

// stepSize takes one byte of a chunk size: 1 to 16 hexadecimal digits, then CR
// or the semicolon of an extension, and nothing else.
func (c *Chunked) stepSize(b byte) (what string) {
	if v := unhex(b); v >= 0 {
		if c.digits++; c.digits > 16 || c.left > (1<<63-1)>>4 {
			return "chunk size is too large"
		}
		c.left = c.left<<4 | int64(v)
		return ""
	}
	switch {
	case c.digits == 0:
		return "chunk size is missing"
	case b == '\r':
		c.state = chunkSizeLF
	case b == ';':
		c.state = chunkExtension
		c.ext++
	default:
		return "chunk size is not hexadecimal"
	}
	return ""
}

// readTrailer takes the rest of the line that src begins with. The fields are
// read when the section is complete.
func (c *Chunked) readTrailer(src []byte) (n int, what string) {
	n = bytes.IndexByte(src, '\n') + 1
	whole := n > 0
	if !whole {
		n = len(src)
	}
	if room := MaxTrailer - len(c.section); n > room {
		return room, "trailer section is too long"
	}
	c.section = append(c.section, src[:n]...)
	if !whole {
		return n, ""
	}
	s := c.section
	if len(s) < 2 || s[len(s)-2] != '\r' {
		return n - 1, "bare LF in a trailer"
	}
	if len(s) > 2 && s[len(s)-3] != '\n' {
		return n, "" // not the empty line yet
	}
	if what := c.parseTrailer(); what != "" {
		return n - 1, what
	}
	c.state, c.err = chunkDone, io.EOF
	return n, ""
}

// parseTrailer reads the complete trailer section.
func (c *Chunked) parseTrailer() (what string) {
	_, fields, err := parser{b: c.section}.fields(0, c.trailer[:0])
	if e, ok := err.(*SyntaxError); ok { // errors.As allocates
		return e.What + " (in the trailer)"
	}
	c.trailer = fields[:0]
	for _, f := range fields {
		if !forbiddenTrailer(f.Name) {
			c.trailer = append(c.trailer, f)
		}
	}
	return ""
}

// ForbiddenTrailer reports whether a field of that name means nothing in a
// trailer and is dropped there: what frames or routes the message, authenticates
// it, modifies the request, controls the response or describes the content
// (RFC 9110, section 6.5.1), and what is for one hop. Any case will do.
func ForbiddenTrailer(name string) bool { return forbiddenTrailer(name) }

func forbiddenTrailer[T text](name T) bool {
	for _, no := range notInTrailers {
		if equalFold(name, no) {
			return true
		}
	}
	return isHopByHop(name) || len(name) > 3 && equalFold(name[:3], "if-")
}

var notInTrailers = [...]string{
	"content-length", "host", "max-forwards", "via", "forwarded",
	"authorization", "www-authenticate", "cookie", "set-cookie", "x-api-key", "x-goog-api-key",
	"expect", "range", "cache-control", "pragma",
	"age", "date", "expires", "location", "retry-after", "vary", "warning",
	"content-encoding", "content-type", "content-range",
}

// AppendChunk appends data as one chunk. With no data it appends nothing, since
// an empty chunk would be the last one.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = append(strconv.AppendUint(dst, uint64(len(data)), 16), '\r', '\n')
	return append(append(dst, data...), '\r', '\n')
}

// AppendLastChunk appends the last chunk and the trailer section, without the
// fields that may not stand there. It returns dst as it was, and an error, if a
// name or value cannot be written.
func AppendLastChunk(dst []byte, trailer http.Header) ([]byte, error) {
	start := len(dst)
	dst = append(dst, "0\r\n"...)
	for _, l := range HeaderOf(trailer) {
		if ForbiddenTrailer(l.Name) {
			continue
		}
		var err error
		if dst, err = appendField(dst, l.Name, l.Value); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '\r', '\n'), nil
}
