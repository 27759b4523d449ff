package driver

import (
	"testing"
	"time"
)

func TestTheLastStepsAreRememberedAndOfAHashInTheirOrder(t *testing.T) {
	var s steps
	red, blue := make([]byte, 32), make([]byte, 32)
	red[0], blue[0] = 1, 2
	at := time.Unix(1000, 0)
	s.note(red, "first", cause{message: "Second", from: "candidate-selection"}, at)
	s.note(blue, "other", cause{}, at)
	s.note(red[:31], "no hash", cause{}, at)
	s.note(red, "last", cause{}, at.Add(time.Second))
	list := s.of(red)
	if len(list) != 2 || list[0].GetWhat() != "first" || list[0].GetMessage() != "Second" ||
		list[0].GetFrom() != "candidate-selection" || !list[1].GetAt().AsTime().Equal(at.Add(time.Second)) {
		t.Fatalf("%v", list)
	}
	if len(s.of(red[:4])) != 2 || string(list[0].GetAbout()) != string(red) {
		t.Error("its first bytes don't tell it")
	}
	if len(s.of(nil)) != 0 || len(s.of(red[:3])) != 0 || len(s.of(append(red, 0))) != 0 {
		t.Error("what is no hash has steps")
	}
	for range maxSteps - 1 {
		s.note(blue, "more", cause{}, at)
	}
	if list = s.of(red); len(list) != 1 || list[0].GetWhat() != "last" || len(s.ring) != maxSteps {
		t.Errorf("%d steps are remembered, of the first %v", len(s.ring), list)
	}
	if len(s.of(blue)) != maxSteps-1 {
		t.Errorf("%d of the other", len(s.of(blue)))
	}
}
