//! What is read: a sentence, then files of which the first includes the others.

pub(super) type Case = (&'static str, &'static [(&'static str, &'static str)]);

pub(super) const LINES: &[Case] = &[
    (
        "a line is a keyword and its arguments",
        &[("lb.conf", "a b  c\td\n")],
    ),
    ("the last line needs no end", &[("lb.conf", "a\nb")]),
    (
        "lines may end as on Windows",
        &[("lb.conf", "a b\r\nc {\r\n d\r\n}\r\n")],
    ),
    (
        "a byte order mark is no word",
        &[("lb.conf", "\u{feff}a\n")],
    ),
    (
        "a byte order mark of an included file is no word",
        &[("lb.conf", "include b\n"), ("b", "\u{feff}a\n")],
    ),
    (
        "a line with NUL is refused and the rest is read",
        &[("lb.conf", "a\nb\0c\nd\n")],
    ),
    (
        "comments go from # or ! to the end",
        &[("lb.conf", "a # b\nc ! d\n# e\n!\nf#g\n")],
    ),
    (
        "double quotes protect comment signs",
        &[("lb.conf", "a \"b # c ! d\" # e\n")],
    ),
    (
        "single quotes do not protect comment signs",
        &[("lb.conf", "a 'b # c'\n")],
    ),
    (
        "a backslash protects comment signs",
        &[("lb.conf", "a b\\#c\\!d \\# # e\n")],
    ),
    (
        "double quotes keep blanks and split words",
        &[("lb.conf", "a\"b c\"d \"\" e\n")],
    ),
    (
        "a quote after a backslash does not end a quotation",
        &[("lb.conf", "a \"b \\\" c\" d\n")],
    ),
    (
        "a path that ends in a backslash may be quoted",
        &[("lb.conf", "a \"C:\\\" d\n")],
    ),
    (
        "a quote that is not closed is an error",
        &[("lb.conf", "a \"b c\nd\n")],
    ),
    (
        "blocks may be in one line",
        &[("lb.conf", "a { b 1 { c } d } e\n")],
    ),
    ("braces need no blanks", &[("lb.conf", "a{b{c}d}e\n")]),
    (
        "a brace may be on the next line",
        &[("lb.conf", "a 1\n{\n b\n\n {\n  c\n }\n}\n")],
    ),
    (
        "braces in quotes are text",
        &[("lb.conf", "a \"{ b }\" {\n c }\n")],
    ),
    (
        "a backslash at the end of a plain line is a word",
        &[("lb.conf", "a \\\nb\n")],
    ),
    (
        "scripts join adjacent pieces",
        &[("lb.conf", "script abcd\" efg h \"'mno p'q \"x\"\n")],
    ),
    (
        "scripts know escapes",
        &[(
            "lb.conf",
            "script a\\ b \"\\x41\\101\\t\" '\\cA' \\\\ \\q\n",
        )],
    ),
    (
        "scripts keep quotes of the other kind",
        &[("lb.conf", "script \"a 'b c' \\\"d\\\"\" user\n")],
    ),
    (
        "scripts must be text",
        &[("lb.conf", "script a\\xff\nscript b\\0\n")],
    ),
    (
        "scripts must close their single quotes",
        &[("lb.conf", "script 'a b\n")],
    ),
];

pub(super) const INCLUDES: &[Case] = &[
    (
        "an included file is read in place",
        &[("lb.conf", "a\ninclude b.conf\nc\n"), ("b.conf", "b\n")],
    ),
    (
        "an include may be within a block",
        &[
            ("lb.conf", "a {\n  include b.conf\n}\n"),
            ("b.conf", "b 1\nc {\n d\n}\n"),
        ],
    ),
    (
        "paths are relative to the including file",
        &[
            ("etc/lb.conf", "include conf.d/b.conf\ninclude c.conf\n"),
            (
                "etc/conf.d/b.conf",
                "b\ninclude c.conf\ninclude ../c.conf\ninclude /abs.conf\n",
            ),
            ("etc/conf.d/c.conf", "near\n"),
            ("etc/c.conf", "far\n"),
            ("/abs.conf", "absolute\n"),
        ],
    ),
    (
        "wildcards match in the order of the names",
        &[
            ("lb.conf", "include d/*.conf\ninclude d/[xy]?\n"),
            ("d/b.conf", "b\n"),
            ("d/a.conf", "a\n"),
            ("d/.hidden.conf", "hidden\n"),
            ("d/deep/c.conf", "deep\n"),
            ("d/x1", "x1\n"),
            ("d/y1", "y1\n"),
            ("d/z1", "z1\n"),
        ],
    ),
    (
        "braces expand in the order written",
        &[
            ("lb.conf", "include {z,a{1,2}}.conf\n"),
            ("a1.conf", "a1\n"),
            ("a2.conf", "a2\n"),
            ("z.conf", "z\n"),
        ],
    ),
    (
        "a pattern may be quoted and followed by a comment",
        &[
            ("lb.conf", "include \"b c.conf\" # d\n"),
            ("b c.conf", "b\n"),
        ],
    ),
    (
        "a missing file is a warning",
        &[("lb.conf", "include b.conf\na\n")],
    ),
    (
        "no match of wildcards is a note",
        &[("lb.conf", "include *.none\na\n")],
    ),
    (
        "includer bears a missing file",
        &[("lb.conf", "includer b.conf\n")],
    ),
    (
        "includem wants a file of that name",
        &[("lb.conf", "includem b.conf\nincludem *.none\n")],
    ),
    (
        "includew wants a match of wildcards",
        &[("lb.conf", "includew b.conf\nincludew *.none\n")],
    ),
    (
        "includeb wants a match of each alternative",
        &[
            ("lb.conf", "includeb {b,c}\nincludem {b,c}\n"),
            ("b", "b\n"),
        ],
    ),
    (
        "includea wants everything",
        &[
            (
                "lb.conf",
                "includea b.conf\nincludea *.none\nincludea {b,c}\n",
            ),
            ("b", "b\n"),
        ],
    ),
    (
        "an include wants a pattern",
        &[("lb.conf", "include # nothing\n")],
    ),
    (
        "include_check counts from its line to the end of its file",
        &[
            (
                "lb.conf",
                "include x\ninclude b.conf\ninclude x\nglobal_defs { include_check match }\ninclude x\n\
                     global_defs {\n include_check -match +read\n}\ninclude x\n",
            ),
            ("b.conf", "global_defs {\n include_check\n}\ninclude y\n"),
        ],
    ),
    (
        "include_check knows its words",
        &[(
            "lb.conf",
            "global_defs {\n include_check all +brace_match\n}\n",
        )],
    ),
    (
        "a file that includes itself is an error",
        &[("lb.conf", "a\ninclude ./d/../lb.conf\nb\n")],
    ),
    (
        "files that include each other are an error with the way there",
        &[
            ("lb.conf", "a\ninclude b.conf\nd\n"),
            ("b.conf", "b\ninclude c.conf\n"),
            ("c.conf", "\ninclude lb.conf\nc\n"),
        ],
    ),
    (
        "a file may be included twice",
        &[
            ("lb.conf", "include b.conf\ninclude b.conf\n"),
            ("b.conf", "b\n"),
        ],
    ),
    (
        "an error in an included file tells who includes it",
        &[
            ("lb.conf", "\ninclude b.conf\n"),
            ("b.conf", "include c.conf\n"),
            ("c.conf", "}\n"),
        ],
    ),
    (
        "definitions go in and out of included files",
        &[
            ("lb.conf", "$A=1\ninclude d/b.conf\na $A $B ${_PWD}\n"),
            ("d/b.conf", "b $A ${_PWD}\n$B=2\n$A=3\n"),
        ],
    ),
    (
        "definitions are not replaced in an include",
        &[("lb.conf", "$A=b\ninclude ${A}.conf\n"), ("b.conf", "b\n")],
    ),
    (
        "an included file that is no text is an error",
        &[("lb.conf", "include b\nc\n"), ("b", "a\0\n")],
    ),
];

pub(super) const CONDITIONS: &[Case] = &[
    (
        "a line with the id of this node counts",
        &[("lb.conf", "@main a 1\n@other b\n")],
    ),
    (
        "a line with another id after ^ counts",
        &[("lb.conf", "@^main a 1\n@^other b\n")],
    ),
    (
        "ids are compared as a whole",
        &[("lb.conf", "@mai a\n@main2 b\n@MAIN c\n@ d\n")],
    ),
    (
        "conditions stand in blocks and after blanks",
        &[("lb.conf", "a {\n  @main b\n\t@other c\n}\n")],
    ),
    (
        "a condition decides over a definition with all its lines",
        &[(
            "lb.conf",
            "$A=1\n@other $A=2\n@other $B= \\\n c \\\n d\n@main $C=3\na $A $C\n",
        )],
    ),
    (
        "conditions count again after replacement",
        &[("lb.conf", "$M=@main\n$O=@other\n$M a\n$O b\n@main $O c\n")],
    ),
    (
        "conditions stand in definitions",
        &[(
            "lb.conf",
            "$A= \\\n a { \\\n @main b \\\n @other c \\\n }\n$A\n",
        )],
    ),
    (
        "a condition cannot precede an include",
        &[("lb.conf", "@main include b.conf\n"), ("b.conf", "b\n")],
    ),
    (
        "an at sign within a line is text",
        &[("lb.conf", "mail root@main\na @other\n")],
    ),
];

pub(super) const DEFINITIONS: &[Case] = &[
    (
        "a use is replaced before a blank, a comma, a parenthesis, a brace and the end",
        &[("lb.conf", "$A=1\na $A $A,$A) $A{\n b $A}\n")],
    ),
    (
        "a use in braces is replaced anywhere",
        &[("lb.conf", "$A=1\na x${A}y \"${A} $A\" ${A}.${A}\n")],
    ),
    (
        "a value may have blanks, quotes and nothing",
        &[(
            "lb.conf",
            "$A=b c \"d e\" # f\n$B=\n  $C=  g\nx $A y${B}z $C\n",
        )],
    ),
    (
        "a value is replaced when it is used",
        &[(
            "lb.conf",
            "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32\n",
        )],
    ),
    (
        "a value may hold a block",
        &[("lb.conf", "$A=b { c }\na $A\n$A\n")],
    ),
    (
        "an unknown name stays, with a warning",
        &[("lb.conf", "$PRIORITY=1\na $PRIORTY ${_PDW}\nb $PRIORTY\n")],
    ),
    (
        "a name that goes on is not replaced, with a warning",
        &[("lb.conf", "$A=1\na $A.5 $A\"b\" $A/24\n")],
    ),
    (
        "dollar signs without a name are text",
        &[("lb.conf", "$A=1\na $ $1 $$ b$ ${ ${} ${1} pa$word.x\n")],
    ),
    (
        "comments are not replaced",
        &[("lb.conf", "$A=1\na $A # $B\n# $C\n! $D\n")],
    ),
    (
        "a definition of several lines is read where it is used",
        &[(
            "lb.conf",
            "$I= \\\nvrrp VI_${N} { \\\n  interface eth0.${N} \\\n\n  # more\n  id 1 \\\n}\n$N=0\n$I\n$N=1\n$I\nend\n",
        )],
    ),
    (
        "a definition of several lines may start a line after other words",
        &[("lb.conf", "$A=b c \\\n d \\\n e\na $A\nx {\n$A\n}\n")],
    ),
    (
        "definitions of several lines nest, and define",
        &[(
            "lb.conf",
            "$R= \\\nreal ${V}.${N} { \\\n w 1 \\\n }\n$S= \\\n server ${V} { \\\n $N=1 \\\n $R \\\n $N=2 \\\n $R \\\n }\n$V=7\n$S\n$V=8\n$S\n",
        )],
    ),
    (
        "nothing follows a definition of several lines",
        &[("lb.conf", "$A= \\\n b \\\n c\nx $A y\nx ${A}${A}\nz\n")],
    ),
    (
        "a definition that leads back to itself is an error",
        &[("lb.conf", "$A=x${B}\n$B=${C}\n$C=${A}\na $A\nb\n")],
    ),
    (
        "a definition of several lines that leads back to itself is an error",
        &[(
            "lb.conf",
            "$A= \\\n a \\\n $B\n$B= \\\n b \\\n $A \\\n c\n$A\nd\n",
        )],
    ),
    (
        "a definition may name itself by what it was only with another name",
        &[("lb.conf", "$A=1\n$A=${A}2\na $A\n")],
    ),
    (
        "the instance, the directory, # and ! are defined",
        &[(
            "d/lb.conf",
            "a ${_INSTANCE} $_PWD ${_PWD}/x b${_HASH}c \"${_BANG} ${_HASH}\" d # e\n",
        )],
    ),
    (
        "the names of the language may be defined anew",
        &[("lb.conf", "$_PWD=/x\na $_PWD\n")],
    ),
    (
        "the environment is asked by name",
        &[(
            "lb.conf",
            "a ${_ENV HOME}/x\nb ${_ENV NONE}c ${_ENV} \nd ${_ENV LOOP}\n",
        )],
    ),
    (
        "random numbers have a range",
        &[(
            "lb.conf",
            "a ${_RANDOM 7 7}\nb ${_RANDOM 3 2}\nc ${_RANDOM x}\n",
        )],
    ),
    (
        "a definition within a line is an error of the keywords",
        &[("lb.conf", "a { $A=1 }\n")],
    ),
];

pub(super) const SEQUENCES: &[Case] = &[
    (
        "a sequence counts from start to end",
        &[("lb.conf", "~SEQ(S, 0, 3) ip 10.0.${S}.1\n")],
    ),
    (
        "a sequence has a step",
        &[("lb.conf", "~SEQ(S,2,3,9) $S\n")],
    ),
    (
        "a sequence starts at 1 or -1 and may go down",
        &[(
            "lb.conf",
            "~SEQ(S, 2) $S\n~SEQ(S, -2) $S\n~SEQ(S, 3, 1) $S\n",
        )],
    ),
    (
        "a sequence may be hexadecimal",
        &[(
            "lb.conf",
            "~SEQx(S, 144, 16, 192) fe80::20:${S}:1\n~SEQx(S, 0x12, -1, 0x10) $S\n",
        )],
    ),
    (
        "sequences nest",
        &[(
            "lb.conf",
            "~SEQ(A, 1, 2) ~SEQ(B, 1, 2) ~SEQ(C, 1, 2) ${A}${B}${C}\n",
        )],
    ),
    (
        "a sequence has bounds by definition",
        &[(
            "lb.conf",
            "$N=2\n~SEQ(A, 1, $N) $A\n~SEQ(A, ${N}, 3) ~SEQ(B, $A, 3) $A $B\n",
        )],
    ),
    (
        "a sequence repeats a definition of several lines",
        &[(
            "lb.conf",
            "$I= \\\n a ${N} { \\\n b ${N} \\\n }\n~SEQ(N, 1, 2) $I\nend\n",
        )],
    ),
    (
        "a sequence that is empty makes nothing",
        &[("lb.conf", "~SEQ(A, 5, 1, 1) $A\na\n")],
    ),
    (
        "a name is after a sequence what it was before",
        &[(
            "lb.conf",
            "$A=x\n~SEQ(A, 1, 2) $A\n$A\n~SEQ(B, 1, 1) $B\n$B\n",
        )],
    ),
    (
        "a list names its values",
        &[("lb.conf", "~LST(V, a, b c, \"d\") x $V\n")],
    ),
    (
        "a list may have several names",
        &[(
            "lb.conf",
            "~LST({IP, IP1}, {10,1},{20,4}) 192.168.${IP}.${IP1}\n",
        )],
    ),
    (
        "lists and sequences nest",
        &[(
            "lb.conf",
            "~LST({A, B}, {10,1},{20,4}) ~SEQ(C,168,2,170) 192.${C}.${A}.${B}\n",
        )],
    ),
    (
        "repeated lines take conditions, definitions and includes",
        &[
            (
                "lb.conf",
                "~LST(V, 1, 2) @main a $V\n~LST(V, 1, 2) @other b $V\n~LST(V, 1, 2) include b.conf\n",
            ),
            ("b.conf", "c $V\n"),
        ],
    ),
    (
        "a malformed sequence is an error",
        &[(
            "lb.conf",
            "~SEQ(A) x\n~SEQ(1, 2) x\n~SEQ(A, 1, 0, 2) x\n~SEQ(A, b) x\n~SEQ(A, 1\n~LST(A) x\n~LST({A, B}, {1}) x\n",
        )],
    ),
    (
        "a repeated line within a line is an error of the keywords",
        &[("lb.conf", "a { ~SEQ(A, 1, 2) b }\n")],
    ),
];

pub(super) const LIMITS: &[Case] = &[
    (
        "environment variables that name themselves end",
        &[("lb.conf", "a ${_ENV LOOP}\nb\n")],
    ),
    (
        "files that include two of the next end",
        &[
            ("0", "includea 1\nincludea 1\n"),
            ("1", "includea 2\nincludea 2\n"),
            ("2", "includea 3\nincludea 3\n"),
            ("3", "x\n"),
        ],
    ),
];
