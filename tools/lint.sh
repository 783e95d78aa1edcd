#!/bin/sh
# Checks of sources and scripts that need no run. Each prints "ok lint_NAME" or what is wrong and "FAIL lint_NAME".
#
#     lint.sh [CHECK...]     modules includes ranks scripts layout syscalls docs cppcheck tidy; default: all
#
# clang-tidy reads build/tidy/compile_commands.json, which `make lint` writes.
set -u
cd "$(dirname "$0")/.." || exit

folders=
for folder in abi boot drivers kernel lib posixx test; do
	[ ! -d $folder ] || folders="$folders $folder"
done

# The modules in an order in which each comes after those it uses; a cycle has no such order.
check_modules() {
	graph=$(make --no-print-directory modules) || return 1
	echo "$graph" | grep '^listed in a module.mk' && return 1
	order=$(echo "$graph" | awk -F: '{ print $1, $1; n = split($2, d, " "); for (i = 1; i <= n; i++) print d[i], $1 }' | tsort) || {
		echo "the modules above use each other in a circle"
		return 1
	}
	unknown=$(echo "$graph" | awk -F: '{ known[$1] = 1; all = all " " $2 }
		END { n = split(all, d, " "); for (i = 1; i <= n; i++) if (!(d[i] in known)) print d[i] }' | sort -u)
	[ -z "$unknown" ] || { echo "in DEPS, but no module: $unknown"; return 1; }
	for module in $order; do
		echo "$graph" | sed -n "s|^$module: *|  $module <- |p"
	done
}

# What a relative path reaches, DEPS does not see. Nor does the compiler see who uses the processor's own headers: all find them,
# because the contract of kernel/arch includes some. Tests may.
# shellcheck disable=SC2086 # a list of folders
check_includes() {
	! grep -rnE '#[[:space:]]*include[[:space:]]*["<]([^">]*/)?\.\./' $folders || return 1
	make -s --no-print-directory x86-users | grep -v ': all$' | while IFS=: read -r module allowed; do
		cat "$module"/*.[chS] "$module"/include/*/*.h 2>/dev/null | sed -n 's|^#include <x86/\(.*\)>.*|\1|p' | sort -u >build/x86.used
		# shellcheck disable=SC2086 # a list of headers
		printf '%s\n' $allowed | grep . | sort -u | diff - build/x86.used | sed -n \
			-e "s|^> |$module/module.mk does not name in X86 what its sources include: |p" \
			-e "s|^< |$module/module.mk names in X86 what no source includes: |p"
	done >build/x86.wrong
	cat build/x86.wrong
	[ ! -s build/x86.wrong ]
}

# The order of locks is explained where it is told.
check_ranks() {
	missing=$(sed -n 's/^\tRANK_\([A-Z_]*\).*/\1/p' kernel/sync/include/sync/lock_rank.h | grep -v '^NONE$' |
		while read -r rank; do grep -q "^| $rank |" docs/locking.md || echo "$rank"; done)
	[ -z "$missing" ] || { echo "in lock_rank.h, but not in docs/locking.md:" "$missing"; return 1; }
}

check_scripts() {
	grep -rlE '^#!/bin/(ba)?sh' exo .ci tools test | xargs shellcheck
}

check_layout() {
	sh tools/fmt.sh --check
}

# The page of system calls is generated, and committed so that it can be read.
check_syscalls() {
	sh tools/syscalls.sh --check
}

# Links lead somewhere, the overview names every page and every module, and decisions are numbered from 1 without holes.
check_docs() {
	{
		for page in README.md docs/*.md docs/decisions/*.md; do
			grep -oE '\]\([^)#]+' "$page" | sed 's/^](//' | grep -v '^http' | while read -r link; do
				[ -e "${page%/*}/$link" ] || [ -e "$link" ] || echo "$page: no $link"
			done
		done
		for page in docs/*.md; do
			[ "$page" = docs/overview.md ] || grep -q "(${page#docs/})" docs/overview.md || echo "docs/overview.md does not name $page"
		done
		make -s --no-print-directory modules | sed 's/:.*//; s|.*/||' | while read -r module; do
			grep -qw "$module" docs/overview.md || echo "docs/overview.md does not name module $module"
		done
		number=0
		for page in docs/decisions/*.md; do
			number=$((number + 1))
			case $page in
			docs/decisions/"$(printf '%04d' $number)"-*) ;;
			*) echo "$page: its number should be $number"; break ;;
			esac
		done
	} >build/docs.wrong
	cat build/docs.wrong
	[ ! -s build/docs.wrong ]
}

# Not the tests: they do wrong things on purpose, and running is what they are for. Off: comparing __start_x with __stop_x,
# which is how a section becomes a table; va_end where panic does not come back; an array index that it only guesses from a
# comparison nearby; comparisons with addresses in the upper half, which it reads as negative; pointers that it only
# guesses to be null or unset, which clang-tidy follows better; and what it cannot parse.
# shellcheck disable=SC2086
check_cppcheck() {
	find $folders -name '*.c' ! -path '*/test/*' >build/cppcheck/files
	includes=$(find $folders -type d -name include | sed '/arch\/host/d; s/^/-I/')
	cppcheck -q --template=gcc --platform=unix64 \
		--suppress=comparePointers --suppress=subtractPointers --suppress=va_end_missing \
		--suppress=arrayIndexOutOfBoundsCond --suppress=incorrectLogicOperator --suppress=autoVariables \
		--suppress=internalAstError \
		--suppress=nullPointerRedundantCheck --suppress=ctunullpointer --suppress=ctuuninitvar --suppress=uninitvar --suppress=legacyUninitvar \
		-j 2 --enable=warning,portability,performance --std=c11 --inline-suppr --error-exitcode=1 \
		--cppcheck-build-dir=build/cppcheck -DCONFIG_DEBUG=1 -DEXO_KERNEL=1 \
		$includes --file-list=build/cppcheck/files
}

check_tidy() {
	sed -n 's/.*"file": "\([^"]*\)".*/\1/p' build/tidy/compile_commands.json | grep -v '/test/' |
		xargs -P 2 -n 4 clang-tidy -quiet -p build/tidy 2>build/tidy/log
}

[ $# -gt 0 ] || set -- modules includes ranks scripts layout syscalls docs cppcheck tidy
passed=0
failed=0
mkdir -p build/cppcheck build/tidy
for check; do
	if "check_$check"; then
		echo "ok lint_$check"
		passed=$((passed + 1))
	else
		echo "FAIL lint_$check"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
