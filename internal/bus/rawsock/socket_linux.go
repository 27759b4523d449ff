package rawsock

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socket is a connection whose reads and writes go to the kernel without telling the scheduler first. The descriptor
// never blocks, so there is nothing to tell, and to be told costs more than the call: a process that was idle has its
// monitor thread woken by the first call that is announced, which is one more thread to run for each message that it
// gets.
type socket struct {
	net.Conn
	raw syscall.RawConn

	in  transfer
	out transfer
}

// transfer is one direction's call in hand. Reads come one at a time, and so do writes.
type transfer struct {
	call  uintptr
	now   bool // whoever calls doesn't wait
	iov   [2]syscall.Iovec
	count int
	n     int
	errno syscall.Errno
	try   func(fd uintptr) bool
}

// Over returns conn with its bytes read from and written to under, which must be what conn itself reads and writes:
// nothing that encrypts or counts may lie between.
func Over(conn net.Conn, under syscall.Conn) net.Conn {
	raw, err := under.SyscallConn()
	if err != nil {
		return conn
	}
	s := &socket{Conn: conn, raw: raw, in: transfer{call: syscall.SYS_READV}, out: transfer{call: syscall.SYS_WRITEV}}
	s.in.try, s.out.try = s.in.once, s.out.once
	return s
}

// once calls the kernel; false: not now.
func (t *transfer) once(fd uintptr) bool {
	for {
		n, _, errno := syscall.RawSyscall(t.call, fd, uintptr(unsafe.Pointer(&t.iov[0])), uintptr(t.count))
		switch errno {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			t.n, t.errno = 0, 0
			return t.now
		}
		t.n, t.errno = int(n), errno
		return true
	}
}

// over names the memory of one call.
func (t *transfer) over(a, b []byte) {
	t.count = 0
	for _, p := range [2][]byte{a, b} {
		if len(p) > 0 {
			t.iov[t.count].Base = &p[0]
			t.iov[t.count].SetLen(len(p))
			t.count++
		}
	}
}

func (t *transfer) done(call string, err error) (int, error) {
	t.iov = [2]syscall.Iovec{}
	if err == nil && t.errno != 0 {
		err = os.NewSyscallError(call, t.errno)
	}
	if err != nil {
		return 0, err
	}
	return t.n, nil
}

// Read reads what there is.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in.over(p, nil)
	n, err := s.in.done("readv", s.raw.Read(s.in.try))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Write writes all of p.
func (s *socket) Write(p []byte) (int, error) { return s.WriteBoth(p, nil) }

// WriteBoth writes all of a and then all of b, together where the kernel takes them.
func (s *socket) WriteBoth(a, b []byte) (total int, err error) {
	for len(a)+len(b) > 0 {
		s.out.over(a, b)
		n, err := s.out.done("writev", s.raw.Write(s.out.try))
		total += n
		if err != nil {
			return total, err
		}
		head := min(n, len(a))
		a, b = a[head:], b[n-head:]
	}
	return total, nil
}

// WriteNow writes as much of a and then of b as the kernel takes without waiting.
func (s *socket) WriteNow(a, b []byte) (total int, err error) {
	s.out.now = true
	defer func() { s.out.now = false }()
	for len(a)+len(b) > 0 {
		s.out.over(a, b)
		n, err := s.out.done("writev", s.raw.Write(s.out.try))
		total += n
		if n == 0 || err != nil {
			return total, err
		}
		head := min(n, len(a))
		a, b = a[head:], b[n-head:]
	}
	return total, nil
}
