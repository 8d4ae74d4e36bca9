package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyUnchangedMappingsOfTheProgramAreReturned(t *testing.T) {
	t.Parallel()
	const anonymous, clean = "Rss:  8 kB\nAnonymous:  4 kB\n", "Rss:  8 kB\nAnonymous:  0 kB\n"
	smaps := "00400000-00500000 r-xp 00000000 fe:00 12 /usr/bin/ostiary\n" + clean +
		"00500000-00600000 r--p 00100000 fe:00 12 /usr/bin/ostiary\n" + clean +
		"00600000-00700000 r--p 00200000 fe:00 12 /usr/bin/ostiary\n" + anonymous +
		"00700000-00800000 rw-p 00300000 fe:00 12 /usr/bin/ostiary\n" + clean +
		"00800000-00900000 r--s 00000000 fe:00 13 /var/lib/ostiary/ostiary.db-shm\n" + clean +
		"c000000000-c000400000 rw-p 00000000 00:00 0\n" + anonymous
	want := []mapping{{0x400000, 0x500000}, {0x500000, 0x600000}}
	got := unchangedMappings([]byte(smaps), "/usr/bin/ostiary")
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReturningProgramPagesLeavesTheProgramRunning(t *testing.T) {
	t.Parallel()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if len(unchangedMappings(maps, program)) < 2 {
		t.Fatal("the program has no mappings of code and constants")
	}
	for range 10 {
		returnProgramPages()
	}
}
