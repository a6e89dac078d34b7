// SPDX-License-Identifier: GPL-2.0
/*
 * The view in a terminal: what stands where, and the keys.
 *
 * All that colours say is said by a word or a mark as well.
 */
#include <curses.h>
#include <err.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "explain.h"
#include "screen.h"
#include "table.h"

#define ESCAPE		27
#define FIRST_ROW	3	/* below title, place, and the columns' titles */
#define FILTER_SIZE	64

enum colour { PLAIN, WAITS, LOST };

struct screen {
	const struct screen_options *options;
	enum view view;
	struct id path;				/* what the view is of */
	struct order order[VIEW_VECTOR];	/* of each table */
	char filter[FILTER_SIZE];
	struct id selected[VIEW_VECTOR + 1];	/* in each table */
	size_t top;				/* row that is the first on the screen */
	struct functions now, before;
	struct vectors vectors, vectors_before;
	struct table table;
	int error;
	bool paused, help, quit;
};

/* ---- looking ---- */

static void look_at_vectors(struct screen *s)
{
	const struct function *fn = find_function(&s->now, s->path.function);

	free_vectors(&s->vectors_before);
	s->vectors_before = s->vectors;
	memset(&s->vectors, 0, sizeof(s->vectors));
	if (fn && !s->error)
		s->error = observe_vectors(s->options->device, &fn->f, &s->vectors);
}

static void look(struct screen *s)
{
	free_functions(&s->before);
	s->before = s->now;
	s->error = observe_functions(s->options->device, &s->now);
	if (s->view >= VIEW_VECTORS)
		look_at_vectors(s);
}

static void forget_vectors(struct screen *s)
{
	free_vectors(&s->vectors);
	free_vectors(&s->vectors_before);
}

static void make_table(struct screen *s)
{
	struct order order;
	int ret;

	free_table(&s->table);
	if (s->view == VIEW_VECTOR)
		return;
	if (s->view == VIEW_VMS)
		ret = table_of_vms(&s->table, &s->now, &s->before);
	else if (s->view == VIEW_FUNCTIONS)
		ret = table_of_functions(&s->table, &s->now, &s->before, &s->path);
	else
		ret = table_of_vectors(&s->table, &s->vectors, &s->vectors_before, &s->path);
	if (ret) {
		s->error = ret;
		return;
	}
	order = s->order[s->view];
	order.filter = s->filter;
	table_order(&s->table, &order);
}

/* ---- the selected row ---- */

static size_t selected_row(const struct screen *s)
{
	size_t i;

	for (i = 0; i < s->table.nr; i++)
		if (same_id(&s->table.rows[i].id, &s->selected[s->view]))
			return i;
	return 0;
}

static void select_row(struct screen *s, long row)
{
	if (!s->table.nr)
		return;
	if (row < 0)
		row = 0;
	if (row >= (long)s->table.nr)
		row = s->table.nr - 1;
	s->selected[s->view] = s->table.rows[row].id;
}

/* ---- drawing ---- */

static int attributes(const struct screen *s, enum colour colour)
{
	if (colour == PLAIN)
		return A_NORMAL;
	return s->options->colours && has_colors() ? COLOR_PAIR(colour) | A_BOLD : A_BOLD;
}

static double events_per_second(const struct screen *s)
{
	const double seconds = s->now.seconds - s->before.seconds;
	const struct function *old;
	double events = 0;
	__u32 kind;
	size_t i;

	for (i = 0; i < s->now.nr; i++) {
		old = find_function(&s->before, s->now.list[i].f.number);
		for (kind = 0; old && seconds > 0 && kind < NR_KINDS; kind++)
			events += (double)(s->now.list[i].c[kind].events -
					   old->c[kind].events) / seconds;
	}
	return events;
}

static void draw_title(const struct screen *s)
{
	attron(A_BOLD);
	mvprintw(0, 0, "msi_route-top");
	attroff(A_BOLD);
	printw("  %zu functions  %.0f events/s  every %g s%s", s->now.nr,
	       events_per_second(s), s->options->delay, s->paused ? "  PAUSED" : "");
	if (s->filter[0])
		printw("  filter: %s", s->filter);
}

static void draw_place(const struct screen *s)
{
	const struct function *fn = find_function(&s->now, s->path.function);
	char comm[COMM_SIZE];

	move(1, 0);
	if (s->view == VIEW_VMS) {
		printw("All virtual machines");
		return;
	}
	printw("VM %d-%d", s->path.vm_pid, s->path.vm_fd);
	if (s->view == VIEW_FUNCTIONS) {
		struct msi_route_function f = { .vm_pid = s->path.vm_pid };

		printw(" %s", vm_comm(&f, comm));
		return;
	}
	printw(" > %s > %s", fn ? fn->f.name : "gone", kind_name(s->path.kind));
	if (s->view == VIEW_VECTOR)
		printw(" > %u", s->path.vector);
}

static void draw_columns(const struct screen *s)
{
	const struct order *order = &s->order[s->view];
	char title[CELL_SIZE + 2];
	int i, x = 0, nr;
	const struct column *columns = columns_of(s->view, &nr);

	attron(A_REVERSE);
	mvhline(2, 0, ' ', COLS);
	for (i = 0; i < nr; i++) {
		const struct column *c = &columns[i];

		snprintf(title, sizeof(title), "%s%s", i == order->column ?
			 (order->reverse ? "^" : "*") : "", c->title);
		mvprintw(2, x, c->number ? "%*.*s" : "%-*.*s", c->width, c->width, title);
		x += c->width + 1;
	}
	attroff(A_REVERSE);
}

static void draw_row(const struct screen *s, const struct row *r, int y, bool selected)
{
	int i, x = 0;
	const int attribute = attributes(s, r->warn ? LOST : r->wait ? WAITS : PLAIN);

	if (selected)
		attron(A_REVERSE);
	attron(attribute);
	mvhline(y, 0, ' ', COLS);
	for (i = 0; i < s->table.nr_columns && x < COLS; i++) {
		const struct column *c = &s->table.columns[i];

		mvprintw(y, x, c->number ? "%*.*s" : "%-*.*s", c->width, c->width, r->cell[i]);
		x += c->width + 1;
	}
	attroff(attribute);
	if (selected)
		attroff(A_REVERSE);
}

static void draw_table(struct screen *s)
{
	size_t row = selected_row(s), room, i;

	draw_columns(s);
	room = LINES > FIRST_ROW + 1 ? LINES - FIRST_ROW - 1 : 1;
	if (row < s->top)
		s->top = row;
	if (row >= s->top + room)
		s->top = row - room + 1;
	for (i = 0; i < room && s->top + i < s->table.nr; i++)
		draw_row(s, &s->table.rows[s->top + i], FIRST_ROW + i, s->top + i == row);
	if (!s->table.nr)
		mvprintw(FIRST_ROW + 1, 2, s->filter[0] ? "Nothing matches the filter." :
			 s->view == VIEW_VMS ? "There is no function that you may see." :
			 "It is gone.");
	else
		select_row(s, row);
}

/* Breaks lines at spaces; returns the line after the text. */
static int draw_wrapped(int y, int x, const char *text)
{
	size_t width = COLS > x + 1 ? COLS - x - 1 : 1, len;

	while (*text && y < LINES - 1) {
		len = strcspn(text, "\n");
		if (len > width) {
			len = width;
			while (len && text[len] != ' ')
				len--;
			len = len ?: width;
		}
		mvaddnstr(y++, x, text, len);
		text += len;
		text += strspn(text, " \n");
	}
	return y;
}

static const struct msi_route_vector *current_vector(const struct screen *s)
{
	size_t i;

	for (i = 0; i < s->vectors.nr; i++)
		if (s->vectors.list[i].kind == s->path.kind &&
		    s->vectors.list[i].v.vector == s->path.vector)
			return &s->vectors.list[i].v;
	return NULL;
}

static void draw_vector(const struct screen *s)
{
	const struct function *fn = find_function(&s->now, s->path.function);
	const struct msi_route_vector *v = current_vector(s);
	struct explanation e;
	unsigned int i;
	int y = FIRST_ROW;
	char rule[32];

	if (!fn || !v) {
		mvprintw(y, 2, "It is gone.");
		return;
	}
	explain(fn, s->path.kind, v, &e);
	for (i = 0; i < e.nr; i++) {
		const struct finding *f = &e.list[i];

		attron(i ? A_NORMAL : A_BOLD);
		y = draw_wrapped(y, 0, f->text);
		attroff(A_BOLD);
		if (!f->rule)
			continue;
		snprintf(rule, sizeof(rule), "Rule %u%c", f->rule, f->again ? '.' : ':');
		y = draw_wrapped(y, 4, rule);
		if (!f->again)
			y = draw_wrapped(y, 8, rule_text(f->rule));
	}
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"up down PgUp PgDn   select (also k, j)",
		"Enter right         go in (also l): machine, function, vector, why",
		"Esc left            go back (also h)",
		"< >                 sort by another column; * marks it",
		"r                   reverse the order; ^ marks it",
		"/                   filter: only rows with this text; empty: all",
		"Space               pause, and continue",
		"?                   show or hide this help",
		"q                   quit",
		"",
		"A row is bold if something is pending or was lost. GATE and NOW show",
		"why a new event is not sent at once. LOST and DROPS are events that",
		"were dropped, or reached no vCPU; LOST also those that were cleared.",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		mvaddstr(FIRST_ROW + i, 2, lines[i]);
}

static void draw(struct screen *s)
{
	erase();
	draw_title(s);
	draw_place(s);
	if (s->error)
		mvprintw(FIRST_ROW, 2, "%s", observe_error(s->error));
	else if (s->help)
		draw_help();
	else if (s->view == VIEW_VECTOR)
		draw_vector(s);
	else
		draw_table(s);
	mvprintw(LINES - 1, 0, "%.*s", COLS - 1,
		 "Enter in  Esc back  <> sort  r reverse  / filter  Space pause  ? help  q quit");
	refresh();
}

/* ---- keys ---- */

static void enter(struct screen *s)
{
	struct id id;

	if (!s->table.nr || s->view == VIEW_VECTOR)
		return;
	id = s->table.rows[selected_row(s)].id;
	s->path = id;
	s->view++;
	s->top = 0;
	if (s->view == VIEW_VECTORS) {
		forget_vectors(s);
		look_at_vectors(s);
	}
}

static void leave(struct screen *s)
{
	if (s->view == VIEW_VMS)
		return;
	s->view--;
	s->top = 0;
	if (s->view < VIEW_VECTORS)
		forget_vectors(s);
	/* The path down to what the view is of. */
	s->path.vector = 0;
	if (s->view < VIEW_VECTORS) {
		s->path.function = 0;
		s->path.kind = 0;
	}
}

static void sort_by(struct screen *s, int step)
{
	struct order *order = &s->order[s->view];
	int nr;

	if (s->view == VIEW_VECTOR)
		return;
	columns_of(s->view, &nr);
	order->column = (order->column + step + nr) % nr;
	order->reverse = false;
}

static void ask_filter(struct screen *s)
{
	timeout(-1);
	echo();
	curs_set(1);
	move(LINES - 1, 0);
	clrtoeol();
	printw("Filter: ");
	if (getnstr(s->filter, sizeof(s->filter) - 1) == ERR)
		s->filter[0] = '\0';
	noecho();
	curs_set(0);
}

static void press(struct screen *s, int key)
{
	long row = s->view == VIEW_VECTOR ? 0 : (long)selected_row(s);

	switch (key) {
	case 'q':
		s->quit = true;
		break;
	case '?':
		s->help = !s->help;
		break;
	case ' ':
		s->paused = !s->paused;
		break;
	case KEY_UP:
	case 'k':
		select_row(s, row - 1);
		break;
	case KEY_DOWN:
	case 'j':
		select_row(s, row + 1);
		break;
	case KEY_PPAGE:
		select_row(s, row - (LINES - FIRST_ROW - 2));
		break;
	case KEY_NPAGE:
		select_row(s, row + (LINES - FIRST_ROW - 2));
		break;
	case KEY_HOME:
		select_row(s, 0);
		break;
	case KEY_END:
		select_row(s, s->table.nr);
		break;
	case '\n':
	case KEY_ENTER:
	case KEY_RIGHT:
	case 'l':
		enter(s);
		break;
	case ESCAPE:
	case KEY_LEFT:
	case KEY_BACKSPACE:
	case 'h':
		if (s->help)
			s->help = false;
		else
			leave(s);
		break;
	case '>':
		sort_by(s, 1);
		break;
	case '<':
		sort_by(s, -1);
		break;
	case 'r':
		if (s->view != VIEW_VECTOR)
			s->order[s->view].reverse = !s->order[s->view].reverse;
		break;
	case '/':
		ask_filter(s);
		break;
	}
}

/* ---- main loop ---- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void start_curses(bool colours)
{
	setlocale(LC_ALL, "");
	if (!newterm(NULL, stdout, stdin))
		errx(1, "no terminal that can be drawn on (TERM); --once needs none");
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	/* Over a slow line an arrow key is still no Escape. */
	set_escdelay(100);
	curs_set(0);
	if (colours && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(WAITS, COLOR_YELLOW, -1);
		init_pair(LOST, COLOR_RED, -1);
	}
}

int screen_run(const struct screen_options *options)
{
	struct screen s = {
		.options = options,
		/* By the rate; vectors by their number, from the first one. */
		.order = {
			[VIEW_VMS] = { .column = 4 },
			[VIEW_FUNCTIONS] = { .column = 3 },
			[VIEW_VECTORS] = { .column = 0, .reverse = true },
		},
	};
	double next = 0;
	int key;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		errx(1, "no terminal; --once and --json need none");
	snprintf(s.filter, sizeof(s.filter), "%s", options->filter);
	start_curses(options->colours);
	while (!s.quit) {
		if (now() >= next && !s.paused) {
			look(&s);
			next = now() + options->delay;
		}
		make_table(&s);
		draw(&s);
		timeout(s.paused ? -1 : next > now() ? (next - now()) * 1000 + 1 : 0);
		key = getch();
		if (key == ERR && errno == EIO)
			break;
		press(&s, key);
	}
	endwin();
	free_table(&s.table);
	free_functions(&s.now);
	free_functions(&s.before);
	forget_vectors(&s);
	return s.error ? 1 : 0;
}
