package dev.millrace.jobs;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;

/** The walls between modules and packages that poms cannot hold up. */
@AnalyzeClasses(
    packages = "dev.millrace",
    importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NoTestJars.class})
class ArchitectureTest {

  @ArchTest
  static final ArchRule packagesAreFreeOfCycles =
      slices().assignedFrom(new OneSlicePerPackage()).should().beFreeOfCycles();

  @ArchTest
  static final ArchRule apiImportsNothingOfOurs =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.api..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage("dev.millrace..")
                  .and(resideOutsideOfPackages("dev.millrace.api..")));

  @ArchTest
  static final ArchRule engineSeesNeitherConverterNorPipelineNorJobs =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.engine..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.millrace.converter..",
              "dev.millrace.pipeline..",
              "dev.millrace.jobs..",
              "dev.millrace.cuda..");

  @ArchTest
  static final ArchRule converterSeesTheWorkspaceAlone =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.converter..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.millrace.engine..",
              "dev.millrace.pipeline..",
              "dev.millrace.jobs..",
              "dev.millrace.api.request..",
              "dev.millrace.api.engine..");

  @ArchTest
  static final ArchRule pipelineNeverSeesAnEngineFromInside =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.pipeline..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.millrace.engine..", "dev.millrace.converter..", "dev.millrace.jobs..");

  @ArchTest
  static final ArchRule stepImportsNothingOfOurs =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.engine.step..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage("dev.millrace..")
                  .and(resideOutsideOfPackages("dev.millrace.engine.step..")));

  @ArchTest
  static final ArchRule scheduleNamesNoTensorAndNoDevice =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.engine.schedule..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.millrace.engine.compute..",
              "dev.millrace.engine.rank..",
              "dev.millrace.engine.model..",
              "dev.millrace.cuda..");

  @ArchTest
  static final ArchRule computeKnowsNoModelAndNoSchedule =
      noClasses()
          .that()
          .resideInAPackage("dev.millrace.engine.compute..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.millrace.engine.model..",
              "dev.millrace.engine.schedule..",
              "dev.millrace.engine.rank..",
              "dev.millrace.engine.text..");

  @ArchTest
  static final ArchRule onlyJobsSeesPicocli =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.millrace.jobs..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("picocli..");

  @ArchTest
  static final ArchRule onlyPipelineAndJobsSeeBeam =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.millrace.pipeline..", "dev.millrace.jobs..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.beam..", "org.apache.arrow..", "org.apache.parquet..");

  @ArchTest
  static final ArchRule onlyCudaNamesJcuda =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.millrace.cuda..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jcuda..");

  @ArchTest
  static final ArchRule onlyMainExits =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName("dev.millrace.jobs.Main")
          .should()
          .callMethod(System.class, "exit", int.class);

  @ArchTest
  static final ArchRule standardStreamsAreTheConsolesAlone =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.millrace.jobs.console..")
          .should(ACCESS_STANDARD_STREAMS);

  @ArchTest
  static final ArchRule noPackageIsADumpingGround =
      classes()
          .that()
          .resideInAPackage("dev.millrace..")
          .should()
          .resideOutsideOfPackages("..util..", "..common..", "..manager..", "..impl..", "..base..");

  /** The engine's tests are a jar on this class path when the whole project is built. */
  static final class NoTestJars implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("-tests.jar");
    }
  }

  /** Every package is a slice; a class in it belongs to it, nested ones too. */
  private static final class OneSlicePerPackage implements SliceAssignment {
    @Override
    public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
      return SliceIdentifier.of(javaClass.getPackageName());
    }

    @Override
    public String getDescription() {
      return "packages";
    }
  }
}
