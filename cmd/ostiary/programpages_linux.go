package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// returnProgramPages takes the pages of the program's file out of the memory of the process. The kernel maps most of
// the file, 23 MB, while the service starts; what runs afterwards comes back from the page cache, in steps of 64 KiB.
// Only mappings that are the file unchanged are dropped: a page that the process has written would be lost.
func returnProgramPages() {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range unchangedMappings(maps, program) {
		// An error frees nothing.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED)
	}
}

// mapping is a range of addresses.
type mapping struct{ start, end uintptr }

// unchangedMappings returns the mappings of a file in the text of /proc/self/smaps that cannot be written and have no
// page of their own.
func unchangedMappings(smaps []byte, file string) []mapping {
	var found []mapping
	var m mapping
	candidate := false
	for lines := bufio.NewScanner(bytes.NewReader(smaps)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"): // 00400000-01000000 r-xp 00000000 fe:00 1234 /path
			m, candidate = parseMapping(fields, file)
		case candidate && len(fields) == 3 && fields[0] == "Anonymous:":
			if candidate = false; fields[1] == "0" {
				found = append(found, m)
			}
		}
	}
	return found
}

func parseMapping(fields []string, file string) (mapping, bool) {
	if len(fields) != 6 || fields[5] != file || fields[1] != "r-xp" && fields[1] != "r--p" {
		return mapping{}, false
	}
	from, to, _ := strings.Cut(fields[0], "-")
	start, err := strconv.ParseUint(from, 16, strconv.IntSize)
	end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
	return mapping{uintptr(start), uintptr(end)}, err == nil && err2 == nil
}
