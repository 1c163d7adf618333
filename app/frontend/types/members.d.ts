/**
 * Members that JavaScript cannot declare without making them: what some widgets have and core asks
 * for by name, and what a constructor of a base has made before the class's own runs.
 */
export {};

declare module '../src/core/widget.js' {
  interface Widget {
    constructor: WidgetClass;
    beforeChildren?(): unknown;
    built?(): unknown;
    render?(params?: Data): unknown;
    getValue?(params?: Data): Values;
    setValue?(value: any, text?: string): void;
    set_text?(text: string): void;
    showProblems?(error: ErrorDescription): boolean;
    holdsWork?(): boolean;
    requestDismiss?(): Promise<boolean>;
  }
}

declare module '../src/core/body.js' {
  interface Body {
    content: HTMLElement;
  }
}

declare module '../src/widgets/overlay.js' {
  interface Overlay {
    dom_element: HTMLDialogElement;
    contentBox: HTMLElement;
    isOpen?: boolean;
    timer?: ReturnType<typeof setTimeout>;
  }
}

declare module '../src/shell/login_page.js' {
  interface LoginWindow {
    signedIn?: boolean;
  }
}

declare module '../src/widgets/overlay.js' {
  interface Overlay {
    constructor: typeof import('../src/widgets/overlay.js').Overlay;
  }
}

declare module '../src/widgets/boxes.js' {
  interface ScrollPanel {
    constructor: typeof import('../src/widgets/boxes.js').ScrollPanel;
  }
}

declare module '../src/inputs/input.js' {
  interface Input {
    setRecord?(record: Row): void;
    chosenText?(): string;
  }
}

declare module '../src/inputs/number_inputs.js' {
  interface NumberInput {
    constructor: typeof import('../src/inputs/number_inputs.js').NumberInput;
  }
  interface MoneyInput {
    text: HTMLInputElement;
  }
  interface PercentInput {
    text: HTMLInputElement;
  }
}

declare module '../src/inputs/time_inputs.js' {
  interface NativeTimeInput {
    constructor: typeof import('../src/inputs/time_inputs.js').NativeTimeInput;
  }
}

declare module '../src/inputs/check_inputs.js' {
  interface CheckBoxInput {
    boxes: HTMLInputElement[];
    selection: string[];
  }
}

declare module '../src/inputs/code_input.js' {
  interface CodeInput {
    holder: HTMLElement;
    select: HTMLSelectElement;
    options: Choice[];
    extra: Data;
    selection: string;
  }
}

declare module '../src/inputs/other_inputs.js' {
  interface FileInput {
    files: File[];
    source: FileSource;
    chooser: HTMLInputElement;
  }
  interface MediaInput {
    constructor: typeof import('../src/inputs/other_inputs.js').MediaInput;
  }
}

declare module '../src/widgets/button.js' {
  interface Button {
    dom_element: HTMLButtonElement;
  }
}

declare module '../src/widgets/form.js' {
  interface Form {
    opts: FormOptions & Data;
    cleanText: string;
    submitButton?: HTMLButtonElement;
    isBusy?: boolean;
  }
}

declare module '../src/widgets/modal_form.js' {
  interface ModalForm {
    form: Form;
  }
}

declare module '../src/widgets/pictures.js' {
  interface Image {
    dom_element: HTMLImageElement;
  }
}

declare module '../src/widgets/tab_panel.js' {
  interface TabPanel {
    current?: Tab;
    isGone?: boolean;
  }
}

declare module '../src/shell/app_shell.js' {
  interface AppShell {
    opts: ShellOptions & Data;
    drawerButton: HTMLButtonElement;
    userButton: HTMLButtonElement;
    userName: HTMLElement;
    shownHash?: string;
    place: number;
  }
}

declare module '../src/widgets/text.js' {
  interface Text {
    opts: Data;
  }
}

declare module '../src/tabular/tabular.js' {
  interface Tabular {
    opts: ListOptions & Data;
    grid: Grid;
    toolbar: import('../src/tabular/table_toolbar.js').TableToolbar;
    filterPanel: import('../src/tabular/filter_panel.js').FilterPanel;
    note: import('../src/tabular/note.js').Note;
    scroller: HTMLElement;
    pager: import('../src/tabular/pager.js').Pager;
    pages: import('../src/tabular/pages.js').Pages;
    columns: Column[];
    conditions: Condition[];
    misfits: Misfit[];
    sort: Sort | null;
    searchText: string;
    pageRows: number;
    hasOwnColumns: boolean;
    allColumns?: Column[];
    select_row: { user_data: Row } | null;
  }
}

declare module '../src/tabular/pages.js' {
  interface Pages extends PagesParts {
    isLoading?: boolean;
  }
}

declare module '../src/tabular/table_toolbar.js' {
  interface TableToolbar {
    columns: HTMLButtonElement;
    views: HTMLButtonElement;
    files: HTMLButtonElement | null;
    canImport: boolean;
    search?: HTMLInputElement;
  }
}

declare module '../src/tabular/filter_panel.js' {
  interface FilterRow {
    input: Input | null;
  }
}

declare module '../src/tabular/import_window.js' {
  interface ImportWindow {
    box: Overlay;
    content: File | null;
    control?: AbortController;
    outcome: ImportOutcome;
  }
}

declare module '../src/tabular/marks.js' {
  interface Report {
    box: Overlay;
  }
}

declare module '../src/pages/pipeline/pipeline_data.js' {
  interface PipelineData extends Omit<PipelineDraft, 'line'> {
    pipeline: Pipeline;
    steps: Step[];
    byKey: Map<string, Step>;
    layout: Layout;
    refusal: Answer;
  }
}

declare module '../src/pages/pipeline/pipeline_page.js' {
  interface PipelinePage {
    tabs?: import('../src/pages/common/page_tabs.js').PageTabs;
  }
}

declare module '../src/pages/pipeline/mapping_input.js' {
  interface MappingInput {
    rows: HTMLElement;
    addButton: HTMLButtonElement;
    listId: string;
    originals: WeakMap<Element, { name: TextInBox; text: TextInBox }>;
    atFirst: { text: string | null; pairs: string } | null;
  }
  interface SuggestInput {
    line: HTMLInputElement;
    listId: string;
  }
}

declare module '../src/pages/distributor/distributor_page.js' {
  interface DistributorPage {
    data: DistributorOverview;
    tabs?: import('../src/pages/common/page_tabs.js').PageTabs;
  }
}

declare module '../src/pages/distributor/usage_tab.js' {
  interface UsageTab {
    bars: Chart;
    monthInView?: string;
  }
}
