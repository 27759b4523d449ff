package vmsdk

import (
	"context"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/fastcall"
)

const (
	// maxAsking is on how many lines the VM's goroutines call the host at once; those that find none free take the longer way.
	maxAsking = 8
	// peerLines are as many as a host delivers messages of peers at once.
	peerLines = 3
)

// lines are the short ways to the host and from it. They live from Initialize to Close.
type lines struct {
	dialer fastcall.Dialer
	asking fastcall.Pool
	alive  context.Context
	end    context.CancelFunc
}

func newLines(d fastcall.Dialer) *lines {
	l := &lines{dialer: d}
	l.alive, l.end = context.WithCancel(context.Background())
	l.asking.Open, l.asking.Most = l.open, maxAsking
	return l
}

func (l *lines) open() (*fastcall.Line, error) { return l.dialer.Ask(l.alive) }

// forMethod: every call to the host takes a line.
func (l *lines) forMethod(string) *fastcall.Pool { return &l.asking }

// answer lets the host call the VM.
func (l *lines) answer(services *fastcall.Services) error {
	uses := []pluginv1.LineUse{pluginv1.LineUse_LINE_USE_BLOCKS}
	for range peerLines {
		uses = append(uses, pluginv1.LineUse_LINE_USE_PEERS)
	}
	for _, use := range uses {
		if err := l.dialer.Answer(l.alive, use, services); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) close() {
	l.asking.Close()
	l.end()
}

// answerOnLines opens the lines on which the host calls. Without them its calls come as before.
func (s *Server) answerOnLines() {
	if s.host.lines == nil {
		return
	}
	services := &fastcall.Services{Trace: s.env.Trace}
	s.Register(services)
	if err := s.host.lines.answer(services); err != nil {
		s.env.Log.Warn("the host's calls take the longer way", "error", err)
	}
}
