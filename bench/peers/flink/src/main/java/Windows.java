import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * Runs the SQL on its standard input in this process; the last statement is a query whose first column is its window's end.
 *
 * <p>On standard output, with tabs: as the first row of each window comes, "window", its end in ms and the CPU of the whole process so
 * far in ns; and "row" with the other columns for each row of the windows whose ends (ms) are the arguments. All else goes nowhere.
 */
public final class Windows extends RichFlatMapFunction<Row, Void> {
    private final long[] told;
    private transient OperatingSystemMXBean process;
    private transient LocalDateTime end;
    private transient boolean tell;

    private Windows(long[] told) {
        this.told = told;
    }

    @Override
    public void open(OpenContext context) {
        process = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    }

    @Override
    public void flatMap(Row row, Collector<Void> nothing) {
        LocalDateTime rowsEnd = row.getFieldAs(0);
        if (!rowsEnd.equals(end)) {
            end = rowsEnd;
            long endMs = end.toInstant(ZoneOffset.UTC).toEpochMilli();
            tell = Arrays.stream(told).anyMatch(one -> one == endMs);
            System.out.println("window\t" + endMs + "\t" + process.getProcessCpuTime());
        }
        if (tell) {
            StringBuilder line = new StringBuilder("row");
            for (int column = 1; column < row.getArity(); column++) {
                line.append('\t').append(row.getField(column));
            }
            System.out.println(line);
        }
    }

    public static void main(String[] ends) throws Exception {
        String given = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        var environment = StreamExecutionEnvironment.getExecutionEnvironment();
        environment.setParallelism(1);
        environment.getConfig().enableObjectReuse();
        var tables = StreamTableEnvironment.create(environment);
        Table query = null;
        for (String statement : given.replaceAll("(?m)^--.*\n", "").strip().split(";\\s*")) {
            if (statement.startsWith("SET")) {
                String[] words = statement.split("'"); // SET 'option' = 'value'
                tables.getConfig().set(words[1], words[3]);
            } else if (statement.startsWith("SELECT")) {
                query = tables.sqlQuery(statement);
            } else {
                tables.executeSql(statement);
            }
        }
        var windows = new Windows(Arrays.stream(ends).mapToLong(Long::parseLong).toArray());
        tables.toDataStream(query).flatMap(windows).sinkTo(new DiscardingSink<>());
        environment.execute();
    }
}
