package services_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/services"
)

// What people type and read is unambiguous: a name is one part's, a setting one section's, an address one listener's.
func TestNoTwoPartsAreCalledTheSame(t *testing.T) {
	seen := map[string]string{}
	claim := func(what, by string) {
		if other := seen[what]; other != "" && other != by {
			t.Errorf("%s is %s's and %s's", what, other, by)
		}
		seen[what] = by
	}
	for _, p := range services.Parts() {
		claim("the name "+p.Spec.Name, p.Spec.Name)
		claim("the name "+p.Name(), p.Spec.Name)
		for _, spoken := range p.Protocols {
			claim("the protocol "+spoken.Name, p.Spec.Name)
		}
	}
	for _, s := range services.Parts().Schema().Settings() {
		claim("the setting "+s.Key, s.Key+" of another section")
		claim("the flag "+s.Flag(), s.Key)
		if s.Listens {
			claim(fmt.Sprint("the address ", s.Default), s.Key)
		}
		if s.Usage == "" {
			t.Errorf("%s isn't explained", s.Key)
		}
	}
}

// container is one service in docker-compose.yml, up to its health check; init has none.
var container = regexp.MustCompile(`(?m)^  ([a-z-]+): #.*\n    <<: \*part\n(?:    restart: .*\n)?    command: \[(.*)\]\n(?:    .*\n)*`)

func TestTheContainersAreThePartsOfANode(t *testing.T) {
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"init":     `node, init, --if-missing, --vm, "${REEVE_VM:-relayvm}", --parachain, --hand-out, /handed`,
		"ledger":   `para, collate, --listen, "0.0.0.0:9700"`,
		"overseer": "overseer, --watch",
	}
	for _, p := range services.Parts() {
		if p.Outside {
			continue
		}
		want[p.Name()] = "run, " + p.Spec.Name + ", --watch"
		if p.Host != strings.Contains(string(text), "run, "+p.Spec.Name+", --watch]\n    profiles: [parachains]\n") {
			t.Errorf("%s is started on networks without a relay chain, or not on one with", p.Name())
		}
	}
	got := map[string]string{}
	for _, m := range container.FindAllStringSubmatch(string(text), -1) {
		got[m[1]] = m[2]
		if m[1] != "init" && m[1] != "ledger" && !strings.Contains(m[0],
			"healthcheck: {<<: *health, test: [CMD, /reeve, healthcheck, "+m[1]+"]}") {
			t.Errorf("the health of %s isn't asked", m[1])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
